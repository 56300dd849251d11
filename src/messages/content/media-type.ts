/** What a file is of which nothing is known (RFC 2046 §4.5.1). */
export const OCTETS = 'application/octet-stream';

/** A name with something before and behind its last point: `.png` is a name, and no ending. */
const ENDING = /[^/\\]\.[^./\\]+$/;

type Lookup = (path: string) => string | false;
let lookup: Lookup | undefined;

/** The type of a file by the ending of its name, as mime-types has it; else `application/octet-stream`. */
export function mediaTypeOf(filename: string): string {
  return (ENDING.test(filename) && (lookup ??= load())(filename)) || OCTETS;
}

/**
 * The table is large, and read from a file: it is loaded for the first name, and only where there is a Node to load it. Where there is not
 * (a browser, a bundle that left it out) a type has to be given, or stays unknown.
 */
function load(): Lookup {
  try {
    const { createRequire } = process.getBuiltinModule('node:module');
    const table = createRequire(import.meta.url)('mime-types') as typeof import('mime-types');
    return table.lookup;
  } catch {
    return () => false;
  }
}
