const HTAB = 0x09;
const SP = 0x20;
const DEL = 0x7f;

/** tchar (RFC 9110 §5.6.2), what names and tokens are made of: 1 for each byte that is one. */
export const TCHAR: Uint8Array = table((code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)),
);

/** HTAB, SP, VCHAR and obs-text: what field values (RFC 9110 §5.5), reason phrases and quoted strings are made of. */
export const TEXT: Uint8Array = table((code) => code === HTAB || (code >= SP && code !== DEL));

function table(accepts: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (accepts(code) ? 1 : 0));
}
