import { checkOptionNames } from '../options.ts';
import { Headers } from '../messages/headers.ts';
import { REDACTED, URL_FIELDS } from '../messages/secret-fields.ts';
import { boundaryOf } from '../messages/text.ts';

/** What is taken out of a recording before it is written. Names are added to the defaults, and do not depend on case, `-` and `_`. */
export interface RedactOptions {
  /** Header fields, of requests and responses. Of credentials the scheme stays; of cookies, names and attributes. */
  headers?: readonly string[] | undefined;
  /** Parameters of the query, in the URL and in fields that hold one, such as `Location`. */
  query?: readonly string[] | undefined;
  /** Fields of forms, and members of JSON at whatever depth whose values are strings or numbers. */
  body?: readonly string[] | undefined;
  /** Secrets themselves, or patterns of them, wherever they stand: in URLs, header values and texts. undefined and '' are passed over. */
  values?: readonly (string | RegExp | undefined)[] | undefined;
  /** Names of the defaults that are to stay: `['key']`. */
  keep?: readonly string[] | undefined;
}

const OPTION_NAMES = ['headers', 'query', 'body', 'values', 'keep'];

const HEADERS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'x-auth-token',
  'x-access-token',
  'x-csrf-token',
  'x-goog-api-key',
  'x-amz-security-token',
];
const SECRETS = [
  'access-token',
  'refresh-token',
  'id-token',
  'api-key',
  'client-secret',
  'client-assertion',
  'password',
  'token',
  'secret',
];
const QUERY = [
  ...SECRETS,
  'key',
  'auth',
  'signature',
  'sig',
  'x-amz-signature',
  'x-amz-credential',
  'x-amz-security-token',
  'x-goog-signature',
  'x-goog-credential',
];
/** A fragment may hold parameters too: that of an OAuth redirect has the token itself. */
const IN_URL = /([?&#])([^=&#]*)=([^&#]*)/g;
/** A field may have more in it than the URL: `<http://h/?page=2>; rel="next"`. */
const IN_FIELD = /([?&#])([^=&#<>\s]*)=([^&#<>\s"',;]*)/g;
const IN_FORM = /(^|&)([^=&]*)=([^&]*)/g;
/** Fields whose values are URLs, or hold some. */
const WITH_URL: ReadonlySet<string> = new Set(Array.from(URL_FIELDS, canonical));
/** What is shorter, or has no digit in it, may well be a word, which stands elsewhere for itself: `?key=category`. */
const LIKE_A_SECRET = /^(?=.*\d).{8,}$/s;

/** What one message tells about others. */
export interface Secrets {
  /** Gets what is taken out of this one by its name. */
  readonly found?: Set<string> | undefined;
  /** What was found in others: it is taken out wherever it stands. */
  readonly known?: ReadonlySet<string> | undefined;
}

const NO_SECRETS: Secrets = Object.freeze({});

/** Takes secrets out of messages: in the same way out of what is recorded and of what is compared with it. Doing it twice changes nothing. */
export class Redaction {
  readonly #headers: ReadonlySet<string>;
  readonly #query: ReadonlySet<string>;
  readonly #body: ReadonlySet<string>;
  readonly #values: readonly RegExp[];
  readonly #off: boolean;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(options: RedactOptions | false = {}) {
    this.#off = options === false;
    const given = options === false ? {} : options;
    checkOptionNames('cassette: redact', given, OPTION_NAMES);
    const keep = namesIn('keep', given.keep);
    const names = (option: 'headers' | 'query' | 'body', defaults: readonly string[]) =>
      new Set([
        ...defaults.map(canonical).filter((name) => !keep.includes(name)),
        ...namesIn(option, given[option]),
      ]);
    this.#headers = names('headers', HEADERS);
    this.#query = names('query', QUERY);
    this.#body = names('body', SECRETS);
    this.#values = patternsIn(given.values);
  }

  url(url: string, secrets: Secrets = NO_SECRETS): string {
    if (this.#off) return url;
    return this.text(this.#pairs(url, IN_URL, this.#query, secrets.found), secrets);
  }

  headers(headers: Headers, secrets: Secrets = NO_SECRETS): Headers {
    if (this.#off) return headers;
    return new Headers(
      Array.from(headers, ([name, value]): readonly [string, string] => {
        const known = canonical(name);
        if (this.#headers.has(known))
          return [name, withoutCredentials(known, value, secrets.found)];
        const shown = WITH_URL.has(known)
          ? this.#pairs(value, IN_FIELD, this.#query, secrets.found)
          : value;
        return [name, this.text(shown, secrets)];
      }),
    );
  }

  body(text: string, contentType: string | null, secrets: Secrets = NO_SECRETS): string {
    if (this.#off) return text;
    const type = contentType?.toLowerCase() ?? '';
    let redacted: string;
    if (type.startsWith('application/x-www-form-urlencoded')) {
      redacted = this.#pairs(text, IN_FORM, this.#body, secrets.found);
    } else if (type.startsWith('multipart/')) {
      redacted = this.#parts(text, boundaryOf(contentType as string) ?? '', secrets.found);
    } else {
      redacted = this.#members(text, secrets.found);
    }
    return this.text(redacted, secrets);
  }

  /** Without `values` and what is known, wherever they stand. */
  text(text: string, { known }: Secrets = NO_SECRETS): string {
    if (this.#off) return text;
    return withoutKnown(
      this.#values.reduce((kept, each) => kept.replace(each, REDACTED), text),
      known,
    );
  }

  /** `name=value`, as `pattern` finds them: what is in front, the name and the value. */
  #pairs(text: string, pattern: RegExp, names: ReadonlySet<string>, found?: Set<string>): string {
    return text.replace(pattern, (pair, start: string, name: string, value: string) => {
      if (value === '' || !names.has(canonical(decoded(name)))) return pair;
      found?.add(decoded(value));
      return `${start}${name}=${REDACTED}`;
    });
  }

  /** `"name": "value"`, in JSON, in lines of it, and in events: what is around stays as it is. */
  #members(text: string, found?: Set<string>): string {
    return text.replace(
      /"([\w-]+)"(\s*:\s*)("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)/g,
      (member, name: string, colon: string, value: string) => {
        if (value === '""' || !this.#body.has(canonical(name))) return member;
        found?.add(unquoted(value));
        return `"${name}"${colon}"${REDACTED}"`;
      },
    );
  }

  /** Parts of `multipart/form-data` by their names. */
  #parts(text: string, boundary: string, found?: Set<string>): string {
    const parts = text.split(`--${boundary}`).map((part) => {
      const [, head = '', value = ''] = /^([^]*?\r\n\r\n)([^]*)\r\n$/.exec(part) ?? [];
      const name = /;\s*name="([^"]*)"/i.exec(head)?.[1];
      if (name === undefined || !this.#body.has(canonical(name))) return part;
      found?.add(value);
      return `${head}${REDACTED}\r\n`;
    });
    return parts.join(`--${boundary}`);
  }
}

/** `access_token`, `accessToken` and `Access-Token` are one name. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** What stays is what tells of which kind the secret is: the scheme, the names of cookies, their attributes. */
function withoutCredentials(name: string, value: string, found?: Set<string>): string {
  const taken = (secret: string): string => {
    found?.add(secret);
    return REDACTED;
  };
  if (name === 'setcookie' || name === 'cookie') {
    const [pair = '', attributes = ''] = name === 'cookie' ? [value] : value.split(/(?=;)(.*)/s, 2);
    return (
      pair.replace(/=([^;]*)/g, (_, secret: string) => `=${taken(secret.trim())}`) + attributes
    );
  }
  const [, scheme = '', secret = value] = /^(\S+ +)(.+)$/.exec(value) ?? [];
  return name.endsWith('authorization') ? scheme + taken(secret) : taken(value);
}

function withoutKnown(text: string, known: ReadonlySet<string> = NONE): string {
  let redacted = text;
  for (const secret of known) {
    if (!LIKE_A_SECRET.test(secret)) continue;
    redacted = redacted
      .replaceAll(secret, REDACTED)
      .replaceAll(encodeURIComponent(secret), REDACTED);
  }
  return redacted;
}

const NONE: ReadonlySet<string> = new Set();

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

function namesIn(option: string, names: readonly string[] = []): string[] {
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw new TypeError(`cassette: redact.${option}: expected a list of names`);
  return (names as readonly string[]).map(canonical);
}

function patternsIn(values: RedactOptions['values'] = []): RegExp[] {
  if (!Array.isArray(values))
    throw new TypeError('cassette: redact.values: expected a list of strings and RegExps');
  return (values as readonly (string | RegExp | undefined)[]).flatMap((value) => {
    if (value === undefined || value === '') return [];
    if (value instanceof RegExp) return [new RegExp(value.source, withG(value.flags))];
    if (typeof value === 'string')
      return [new RegExp([value, encodeURIComponent(value)].map(escaped).join('|'), 'g')];
    throw new TypeError(
      `cassette: redact.values: expected strings and RegExps, got ${typeof value}`,
    );
  });
}

function withG(flags: string): string {
  return `${flags.replace(/[gy]/g, '')}g`;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
