/** The version of this package, as `User-Agent` says it. The tests compare it with package.json. */
export const VERSION = '0.1.0';
