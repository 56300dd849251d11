/** Weakest first. */
const ALGORITHMS = ['sha256', 'sha384', 'sha512'] as const;
const METADATA = /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+)={0,2}(?:\?.*)?$/;

/**
 * Whether `bytes` are what `integrity` says (W3C Subresource Integrity §3.3): one of the hashes of the strongest algorithm that is there.
 * Where nothing in it is known, everything is.
 */
export async function isIntact(bytes: Uint8Array, integrity: string): Promise<boolean> {
  const known = integrity.split(/[\t\n\f\r ]+/).flatMap((each) => {
    const [, algorithm, hash] = METADATA.exec(each) ?? [];
    return hash === undefined ? [] : [{ algorithm, hash: canonical(hash) }];
  });
  const strongest = ALGORITHMS.findLast((name) =>
    known.some(({ algorithm }) => algorithm === name),
  );
  if (strongest === undefined) return true;
  const digest = await crypto.subtle.digest(strongest.replace('sha', 'SHA-'), bytes);
  const actual = canonical(btoa(String.fromCharCode(...new Uint8Array(digest))));
  return known.some(({ algorithm, hash }) => algorithm === strongest && hash === actual);
}

/** base64 and base64url in one form. */
function canonical(hash: string): string {
  return hash.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', '');
}
