/** What a server asks for in WWW-Authenticate, or a proxy in Proxy-Authenticate. */
export interface Challenge {
  /** In lower case: `basic`, `digest`. */
  readonly scheme: string;
  /** `Negotiate oRQwEqADCgEA…`: the one form that has no parameters. */
  readonly token68: string | null;
  /** By name in lower case. Of one that comes twice, which it must not, the last counts, as in curl. */
  readonly params: ReadonlyMap<string, string>;
}

/*
 * RFC 9110 §11.2, §11.3, §5.6.1:
 *
 *   challenge   = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
 *   auth-param  = token BWS "=" BWS ( token / quoted-string )
 *   token68     = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
 *
 * A field is a list of challenges, and a challenge may be a list of parameters, with the same comma in between: whether a token begins
 * the next challenge or the next parameter is told by the "=" behind it. Laxer than that: white space may be HTAB too, and what is
 * not understood is left out, up to the next comma; a quoted-string without an end ends the field.
 */
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"([^"\\]*(?:\\.[^"\\]*)*)"/y;
/** What servers write without quotes has more in it than a token: base64, above all. */
const UNQUOTED = /[^ \t,"]+/y;
const BLANK = /[ \t]*/y;
const BETWEEN = /[ \t,]*/y;

/** No server means more; a hostile one is not to have us try them all. */
const MAX_CHALLENGES = 64;

/** The challenges of one or more fields, in their order. */
export function parseChallenges(fields: readonly string[]): Challenge[] {
  return fields.flatMap((field) => challengesIn(field)).slice(0, MAX_CHALLENGES);
}

/** A list of parameters alone, as in Authentication-Info. */
export function parseParams(field: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  const reader = new Reader(field);
  for (;;) {
    reader.take(BETWEEN);
    if (reader.atEnd) return params;
    const name = reader.take(TOKEN);
    if (name === '' || !reader.param(name, params)) reader.skip();
  }
}

function challengesIn(field: string): Challenge[] {
  const challenges: Challenge[] = [];
  const reader = new Reader(field);
  let params: Map<string, string> | null = null;
  for (;;) {
    reader.take(BETWEEN);
    if (reader.atEnd) return challenges;
    const name = reader.take(TOKEN);
    if (name === '') {
      reader.skip();
    } else if (reader.sees(EQUALS)) {
      // A parameter in front of any scheme belongs to nobody.
      if (!reader.param(name, params ?? new Map<string, string>())) reader.skip();
    } else {
      params = new Map<string, string>();
      const blank = reader.take(BLANK);
      const token68 = blank === '' ? '' : reader.take(TOKEN68);
      challenges.push({
        scheme: name.toLowerCase(),
        token68: token68 === '' ? null : token68,
        params,
      });
      // `Basic"x"`, `Basic;`: no scheme is written so.
      if (blank === '' && !reader.atComma) {
        challenges.pop();
        params = null;
        reader.skip();
      }
    }
  }
}

/** Goes through a field once, from the left to the right. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  get atComma(): boolean {
    return this.atEnd || this.#text[this.#at] === ',';
  }

  sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  /** What matches here, or nothing. */
  take(pattern: RegExp): string {
    return this.#match(pattern)?.[0] ?? '';
  }

  /** The rest of a parameter, behind its name. */
  param(name: string, params: Map<string, string>): boolean {
    if (this.#match(EQUALS) === null) return false;
    const quoted = this.#match(QUOTED)?.[1];
    const value = quoted === undefined ? this.take(UNQUOTED) : quoted.replace(/\\(.)/g, '$1');
    if (quoted === undefined && value === '') return false;
    this.take(BLANK);
    if (!this.atComma) return false;
    params.set(name.toLowerCase(), value);
    return true;
  }

  /** To the next comma that stands in no quoted-string. */
  skip(): void {
    while (!this.atComma) {
      if (this.#text[this.#at] !== '"') this.#at++;
      else if (this.take(QUOTED) === '') this.#at = this.#text.length;
    }
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}
