/** A content coding that can be undone here; `x-gzip` is another name for gzip (RFC 9110 §8.4.1.3). */
export type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/**
 * What this runtime can undo. That is asked of the version table, so that nothing has to be loaded for a request to say it: Node has
 * zstd from 22.15 and 23.8 on. Where there is no `node:zlib` there is nothing.
 */
const KNOWN: ReadonlyMap<string, Coding> = new Map<string, Coding>(
  typeof process === 'undefined' || process.versions?.node === undefined
    ? []
    : [
        ['gzip', 'gzip'],
        ['x-gzip', 'gzip'],
        ['deflate', 'deflate'],
        ['br', 'br'],
        ...('zstd' in process.versions ? [['zstd', 'zstd'] as const] : []),
      ],
);

/** Accept-Encoding of what can be undone, and of nothing else; empty where that is nothing. */
export const ACCEPT_ENCODING: string = [...new Set(KNOWN.values())].join(', ');

/**
 * The codings of a Content-Encoding in the order in which they were applied (RFC 9110 §8.4), `identity` left out.
 * null where one of them is not known: then none can be undone, since the last one applied hides the others.
 */
export function codingsIn(contentEncoding: string): Coding[] | null {
  const codings: Coding[] = [];
  for (const element of contentEncoding.split(',')) {
    const name = element.trim().toLowerCase();
    if (name === '' || name === 'identity') continue;
    const coding = KNOWN.get(name);
    if (coding === undefined) return null;
    codings.push(coding);
  }
  return codings;
}
