import type { Request } from '../messages/request.ts';
import { bytesOf, hexOf, utf8 } from './bytes.ts';
import type { DigestChallenge } from './digest-challenge.ts';
import type { Hash } from './hash.ts';

/** What is remembered of one nonce: how often it was used, and what need not be hashed again. */
export class DigestSession {
  readonly challenge: DigestChallenge;
  readonly #hash: Hash;
  readonly #credentials: readonly [user: string, password: string];
  readonly #user: string;
  readonly #password: string;
  readonly #cnonce: () => string;
  /** Of a `-sess` algorithm: its key is made with the first, so that is the only one. */
  readonly #sessionCnonce: string;
  #count = 0;
  #a1: Promise<string> | null = null;

  constructor(
    challenge: DigestChallenge,
    hash: Hash,
    credentials: readonly [user: string, password: string],
    cnonce: () => string = randomCnonce,
  ) {
    this.challenge = challenge;
    this.#hash = hash;
    // RFC 7616 §4: where the server names the charset, normalised too. Where it does not, UTF-8 is still the best guess.
    const normal = (text: string): string => utf8(challenge.utf8 ? text.normalize('NFC') : text);
    this.#credentials = credentials;
    this.#user = normal(credentials[0]);
    this.#password = normal(credentials[1]);
    this.#cnonce = cnonce;
    this.#sessionCnonce = challenge.session ? cnonce() : '';
  }

  /** Whether a challenge is this one again, so that its nonce is to be counted on. */
  continues({ nonce, realm, algorithm, qop }: DigestChallenge): boolean {
    const own = this.challenge;
    return (
      own.nonce === nonce && own.realm === realm && own.algorithm === algorithm && own.qop === qop
    );
  }

  /** The same, from here on with another nonce. */
  renewed(nonce: string): DigestSession {
    const challenge = { ...this.challenge, nonce };
    return new DigestSession(challenge, this.#hash, this.#credentials, this.#cnonce);
  }

  /** Whether a request is in the protection space (RFC 7616 §3.3, `domain`). */
  covers(request: Request): boolean {
    const { domain } = this.challenge;
    return domain.length === 0 || domain.some((space) => isWithin(request, space));
  }

  /** The header for a request; null where it would take the hash of a body that can be read but once. */
  async authorization(request: Request): Promise<string | null> {
    const { challenge } = this;
    const { realm, nonce, opaque, algorithm, qop, userhash } = challenge;
    // Counted before anything is waited for: no two requests have the same count.
    const nc = (++this.#count).toString(16).padStart(8, '0');
    const cnonce = challenge.session ? this.#sessionCnonce : this.#cnonce();
    const uri = request.extensions.target ?? request.target;

    let a2 = `${request.method}:${uri}`;
    if (qop === 'auth-int') {
      const body = await this.#bodyHash(request);
      if (body === null) return null;
      a2 += `:${body}`;
    }
    const proof = qop === null ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`;
    const response = await this.#h(`${await this.#key()}:${proof}:${await this.#h(a2)}`);

    const fields = [
      await this.#username(),
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(uri)}`,
    ];
    if (algorithm !== null) fields.push(`algorithm=${algorithm}`);
    if (qop !== null) fields.push(`qop=${qop}`, `nc=${nc}`);
    if (qop !== null || challenge.session) fields.push(`cnonce=${quoted(cnonce)}`);
    fields.push(`response="${response}"`);
    if (opaque !== null) fields.push(`opaque=${quoted(opaque)}`);
    if (userhash) fields.push('userhash=true');
    return `Digest ${fields.join(', ')}`;
  }

  /** RFC 7616 §3.4, §3.4.4: hashed, or as a quoted-string, or, where it does not fit into one, as RFC 8187 has it. */
  async #username(): Promise<string> {
    const { realm, userhash, utf8: named } = this.challenge;
    if (userhash) return `username="${await this.#h(`${this.#user}:${realm}`)}"`;
    if (named && NOT_ASCII.test(this.#user)) return `username*=UTF-8''${percented(this.#user)}`;
    return `username=${quoted(this.#user)}`;
  }

  /** H(A1), RFC 7616 §3.4.2. */
  #key(): Promise<string> {
    return (this.#a1 ??= this.#makeKey());
  }

  async #makeKey(): Promise<string> {
    const { realm, nonce, session } = this.challenge;
    const key = await this.#h(`${this.#user}:${realm}:${this.#password}`);
    return session ? this.#h(`${key}:${nonce}:${this.#sessionCnonce}`) : key;
  }

  async #bodyHash({ content }: Request): Promise<string | null> {
    if (content === null) return this.#h('');
    const bytes = content.bytes?.();
    if (bytes !== undefined) return this.#hash(bytes as Uint8Array<ArrayBuffer>);
    return content.replayable ? this.#hash(content.stream()) : null;
  }

  #h(text: string): Promise<string> {
    return this.#hash(bytesOf(text));
  }
}

// oxlint-disable-next-line no-control-regex
const NOT_ASCII = /[^\x00-\x7f]/;

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** ext-value (RFC 8187 §3.2.1): all but attr-char in percent signs. */
function percented(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9!#$&+\-.^_`|~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function isWithin(request: Request, space: string): boolean {
  const { origin, destination, target } = request;
  try {
    const resolved = destination.resolve(space);
    return resolved.origin === origin && target.startsWith(resolved.target);
  } catch {
    return false;
  }
}

function randomCnonce(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(16)));
}
