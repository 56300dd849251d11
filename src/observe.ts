// What happened, for people and for other programs. It stands apart, so that programs load it only where they show something.

export { explain, type Explainable, type ExplainOptions } from './observe/explain.ts';
export { explainSVG, type ExplainSVGOptions } from './observe/explain-svg.ts';
export { HARRecorder, toHAR, type HARRecorderOptions } from './observe/har.ts';
export type { HAR, HAREntry, HARLog } from './observe/har-format.ts';
export { toCurl, type CurlOptions } from './observe/curl.ts';
