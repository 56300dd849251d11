import { inspect } from './inspect.ts';
import { isSecretName } from './secret-fields.ts';

/** What `Headers` can be made of. In a record, `null` and `undefined` stand for "not there"; in `merge` they remove. */
export type HeadersInit =
  | Headers
  | Readonly<Record<string, string | readonly string[] | null | undefined>>
  | Iterable<readonly [name: string, value: string]>;

/** token (RFC 9110 §5.6.2) */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What field-value (RFC 9110 §5.5) does not have in it: any control but HTAB, and what is more than a byte. */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether `text` is a `token` (RFC 9110 §5.6.2), as methods and field names are. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The fields that decide how a message is framed, routed or encoded: a request without any of them needs no second look. */
const FRAMING: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'proxy-connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'range',
]);
const FRAMING_LENGTHS: readonly boolean[] = Array.from({ length: 18 }, (_, length) =>
  [...FRAMING].some((name) => name.length === length),
);

/** Makes `Headers` of field lines off the wire, which the parser has validated. Not public: it would let anything in. */
export let receivedHeaders: (lines: string) => Headers;

/** Whether there is a field that asks for a second look (`Host`, `Content-Length`, `Connection`, `Range`, …): known without a search. */
export let hasFramingFields: (headers: Headers) => boolean;

/**
 * Field lines of a message: an immutable, ordered multimap whose names do not depend on case (RFC 9110 §5).
 *
 * Every change makes a new `Headers`. Order, case and repetitions are kept, on the wire too. Names must be a `token`, values a
 * `field-value` in latin1: anything else, CR, LF and NUL above all, is a `TypeError`. White space around a value is dropped.
 */
export class Headers implements Iterable<[string, string]> {
  // All there is: the lines in wire form, each with its line break in front. A received head is kept as it came and
  // decoded when asked; one that was built is serialised once, however many requests carry it.
  readonly #lines: string;
  #lowered: string | undefined;
  #framing: boolean | undefined;
  #names: ReadonlySet<string> | undefined;

  static {
    receivedHeaders = (lines) => new (Headers as unknown as Trusted)(EMPTY_INIT, lines, undefined);
    hasFramingFields = (headers) => headers.#hasFraming();
  }

  /** @throws TypeError where a name or a value is not what HTTP allows. */
  constructor(init?: HeadersInit);
  constructor(init: HeadersInit = EMPTY_INIT, trusted?: string, framing?: boolean) {
    if (trusted !== undefined) {
      this.#lines = trusted;
      this.#framing = framing;
      return;
    }
    if (init instanceof Headers) {
      this.#lines = init.#lines;
      this.#lowered = init.#lowered;
      this.#framing = init.#framing;
      return;
    }
    let built = '';
    framing = false;
    if (isPairs(init)) {
      for (const [name, value] of pairsIn(init)) {
        built += line(name, value);
        framing ||= isFraming(name);
      }
    } else {
      for (const name of Object.keys(init)) {
        const value = init[name];
        if (value === null || value === undefined) continue;
        built += lines(name, value);
        framing ||= isFraming(name);
      }
    }
    this.#lines = built;
    this.#framing = framing;
  }

  /** These headers where they are of this class; else, a `Headers` of them. */
  static from(init: HeadersInit | undefined): Headers {
    return init === undefined ? NONE : init instanceof Headers ? init : new Headers(init);
  }

  /** The value of a field, several joined with `, ` (RFC 9110 §5.3); null where there is none. */
  get(name: string): string | null {
    const needle = needleFor(name);
    const first = this.#find(needle, 0);
    if (first === -1) return null;
    let value = this.#valueAt(first + needle.length);
    for (let at = first; (at = this.#find(needle, at + needle.length)) !== -1;) {
      value += `, ${this.#valueAt(at + needle.length)}`;
    }
    return value;
  }

  /** Every value of a field, in order. */
  getAll(name: string): string[] {
    const needle = needleFor(name);
    const values: string[] = [];
    for (let at = this.#find(needle, 0); at !== -1; at = this.#find(needle, at + needle.length)) {
      values.push(this.#valueAt(at + needle.length));
    }
    return values;
  }

  /** Every `Set-Cookie`: the one field whose values cannot be joined (RFC 6265 §3). */
  getSetCookie(): string[] {
    return this.getAll('set-cookie');
  }

  has(name: string): boolean {
    return this.#find(needleFor(name), 0) !== -1;
  }

  /** With `name` having this value, or these, only. It stands where the first one stood, or at the end. */
  with(name: string, value: string | readonly string[]): Headers {
    const added = lines(name, value);
    if (!this.has(name))
      return this.#copy(this.#lines + added, this.#framing === false ? isFraming(name) : undefined);
    const lowered = name.toLowerCase();
    let result = '';
    let pending: string | undefined = added;
    for (const [each, kept] of this) {
      if (each.toLowerCase() !== lowered) result += `\r\n${each}: ${kept}`;
      else if (pending !== undefined) {
        result += pending;
        pending = undefined;
      }
    }
    return this.#copy(result, undefined);
  }

  /** With one more line. */
  withAppended(name: string, value: string | readonly string[]): Headers {
    const added = lines(name, value);
    return this.#copy(this.#lines + added, this.#framing === false ? isFraming(name) : undefined);
  }

  /** With this value if `name` is not there yet. */
  withDefault(name: string, value: string | readonly string[]): Headers {
    return this.has(name) ? this : this.withAppended(name, value);
  }

  without(name: string): Headers {
    if (!this.has(name)) return this;
    const lowered = name.toLowerCase();
    let result = '';
    for (const [each, value] of this) {
      if (each.toLowerCase() !== lowered) result += `\r\n${each}: ${value}`;
    }
    return this.#copy(result, undefined);
  }

  /** With all of `other`, whose fields replace those of the same name here; a `null` in a record removes. */
  merge(other: HeadersInit | undefined): Headers {
    if (other === undefined) return this;
    const added = other instanceof Headers ? other : new Headers(other);
    let kept: Headers = this;
    // What is merged into is long-lived, as a client's defaults are: its names are gathered once.
    this.#names ??= new Set(Array.from(this.keys(), (name) => name.toLowerCase()));
    for (const name of namesOf(other, added)) {
      if (this.#names.has(name.toLowerCase())) kept = kept.without(name);
    }
    if (added.#lines === '') return kept;
    if (kept.#lines === '') return added;
    const framing = kept.#hasFraming() || added.#hasFraming();
    return this.#copy(kept.#lines + added.#lines, framing);
  }

  /** Every line in order, names as they were given. */
  *[Symbol.iterator](): IterableIterator<[string, string]> {
    const text = this.#lines;
    for (let start = 2; start < text.length;) {
      const colon = text.indexOf(':', start);
      const end = lineEnd(text, colon);
      yield [text.slice(start, colon), trimmed(text, colon + 1, end)];
      start = end + 2;
    }
  }

  entries(): IterableIterator<[string, string]> {
    return this[Symbol.iterator]();
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  /** The lines as they go on the wire, each with CRLF in front. */
  toString(): string {
    return this.#lines;
  }

  /** As a record with names in lower case; repeated fields joined, but for `set-cookie`. */
  toJSON(): Record<string, string | string[]> {
    const record: Record<string, string | string[]> = Object.create(null);
    for (const [name] of this) {
      const lowered = name.toLowerCase();
      record[lowered] ??=
        lowered === 'set-cookie' ? this.getSetCookie() : (this.get(lowered) ?? '');
    }
    return record;
  }

  /** For people and logs: credentials and cookies are not shown. */
  [inspect](): string {
    const shown = Array.from(
      this,
      ([name, value]) => `${name}: ${isSecretName(name) ? '…' : value}`,
    );
    return `Headers { ${shown.join(', ')} }`;
  }

  #copy(text: string, framing: boolean | undefined): Headers {
    return new (Headers as unknown as Trusted)(EMPTY_INIT, text, framing);
  }

  #hasFraming(): boolean {
    if (this.#framing === undefined) {
      this.#framing = false;
      for (const name of this.keys()) {
        if (isFraming(name)) {
          this.#framing = true;
          break;
        }
      }
    }
    return this.#framing;
  }

  #find(needle: string, from: number): number {
    // toLowerCase keeps the length of latin1 text, so that places in one string are places in the other.
    return (this.#lowered ??= this.#lines.toLowerCase()).indexOf(needle, from);
  }

  #valueAt(start: number): string {
    return trimmed(this.#lines, start, lineEnd(this.#lines, start));
  }
}

type Trusted = new (init: HeadersInit, lines: string, framing: boolean | undefined) => Headers;

const EMPTY_INIT: Readonly<Record<string, string>> = Object.freeze({});
const NONE: Headers = new Headers();

function needleFor(name: string): string {
  return `\r\n${name.toLowerCase()}:`;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end === -1 ? text.length : end;
}

/** text.slice(start, end) without SP and HTAB around it: `trim()` would take more than OWS (RFC 9110 §5.6.3). */
export function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isFraming(name: string): boolean {
  return FRAMING_LENGTHS[name.length] === true && FRAMING.has(name.toLowerCase());
}

function lines(name: string, value: string | readonly string[]): string {
  return Array.isArray(value)
    ? (value as readonly string[]).map((each) => line(name, each)).join('')
    : line(name, value as string);
}

function line(name: string, value: string): string {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new TypeError(`header name: expected a token (RFC 9110 §5.6.2), got ${shown(name)}`);
  }
  if (typeof value !== 'string') {
    throw new TypeError(
      `header ${name}: expected a string, got ${value === null ? 'null' : typeof value}`,
    );
  }
  if (NOT_IN_VALUE.test(value)) {
    // The value itself may be a secret: only the offending character is named.
    const code = value.charCodeAt(value.search(NOT_IN_VALUE));
    throw new TypeError(
      `header ${name}: the value has a character that HTTP does not allow there, U+${code.toString(16).toUpperCase().padStart(4, '0')}`,
    );
  }
  const first = value.charCodeAt(0);
  const blank = isBlank(first) || isBlank(value.charCodeAt(value.length - 1));
  return `\r\n${name}: ${blank ? trimmed(value, 0, value.length) : value}`;
}

function shown(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 40)) : typeof name;
}

function isPairs(init: Exclude<HeadersInit, Headers>): init is Iterable<readonly [string, string]> {
  if (init === null || typeof init !== 'object') {
    throw new TypeError(
      `headers: expected a record, pairs or Headers, got ${init === null ? 'null' : typeof init}`,
    );
  }
  return Symbol.iterator in init;
}

function* pairsIn(init: Iterable<readonly [string, string]>): Iterable<readonly [string, string]> {
  for (const pair of init) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError('headers: expected pairs of name and value');
    }
    yield pair as [string, string];
  }
}

/** Every name in `init`, those with null among them. */
function namesOf(init: HeadersInit, made: Headers): Iterable<string> {
  if (Symbol.iterator in init) return made.keys();
  const names = Object.keys(init);
  return names.some((name) => init[name] === undefined)
    ? names.filter((name) => init[name] !== undefined)
    : names;
}
