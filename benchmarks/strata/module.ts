/**
 * The library as a value: peers get it from their own import, `compare` gives them one of two builds.
 */
export type Strata = typeof import('../../src/index.ts');
