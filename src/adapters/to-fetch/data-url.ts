/** What a `data:` URL has in it (Fetch §6). */
export interface Data {
  readonly url: string;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const BASE64 = /; *base64$/i;
const MEDIA_TYPE = /^[!#$%&'*+\-.^_`|~\w]+\/[!#$%&'*+\-.^_`|~\w]+\s*(?:;|$)/;

export function isDataURL(url: string | URL): boolean {
  return typeof url === 'string' ? /^\s*data:/i.test(url) : url.protocol === 'data:';
}

/** null where it is not one: without a comma, or with a body that is not base64 although it says so. */
export function dataIn(url: string | URL): Data | null {
  const { href, hash } = new URL(url);
  const whole = hash === '' ? href.replace(/#$/, '') : href.slice(0, -hash.length);
  const comma = whole.indexOf(',');
  if (comma === -1) return null;
  const head = whole.slice('data:'.length, comma).trim();
  let body = percentDecoded(whole.slice(comma + 1));
  if (BASE64.test(head)) {
    try {
      body = atob(body);
    } catch {
      return null;
    }
  }
  return {
    url: whole,
    type: typeOf(head.replace(BASE64, '')),
    bytes: Uint8Array.from(body, (character) => character.charCodeAt(0)),
  };
}

function typeOf(head: string): string {
  const type = head.startsWith(';') ? `text/plain${head}` : head;
  return MEDIA_TYPE.test(type) ? type : 'text/plain;charset=US-ASCII';
}

/** One character a byte. A serialised URL is ASCII. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
