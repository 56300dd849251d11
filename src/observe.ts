// What happened, for people and for other programs. It stands apart, so that programs load it only where they show something.

export { toCurl, type CurlOptions } from './observe/curl.ts';
