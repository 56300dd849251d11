/** User and password for a host, as a netrc file has them. */
export interface NetrcEntry {
  readonly login: string;
  readonly password: string;
}

/** A netrc file, read. */
export class NetrcFile {
  readonly #machines: ReadonlyMap<string, NetrcEntry>;
  readonly #fallback: NetrcEntry | null;

  private constructor(machines: ReadonlyMap<string, NetrcEntry>, fallback: NetrcEntry | null) {
    this.#machines = machines;
    this.#fallback = fallback;
  }

  /*
   * The format of ftp(1): words between white space.
   *
   *     machine NAME | default          begins an entry; the first for a name counts, `default` where there is none
   *     login NAME | user NAME | password WORD | account WORD
   *     macdef NAME                     a macro: what follows, up to an empty line, is not ours
   *
   * As curl and Python have it, besides: a word that begins with " goes to the next ", with \ in front of what stands for itself;
   * a line that begins with # is a comment. What is not known is passed over.
   */
  static parse(text: string): NetrcFile {
    const machines = new Map<string, NetrcEntry>();
    let fallback: NetrcEntry | null = null;
    let entry: { login: string; password: string } | null = null;
    const words = new Words(text);
    for (let word = words.next(); word !== null; word = words.next()) {
      if (word === 'machine') {
        const name = words.next()?.toLowerCase();
        entry = { login: '', password: '' };
        if (name !== undefined && !machines.has(name)) machines.set(name, entry);
      } else if (word === 'default') {
        entry = { login: '', password: '' };
        fallback ??= entry;
      } else if (word === 'login' || word === 'user') {
        const login = words.next() ?? '';
        if (entry !== null) entry.login = login;
      } else if (word === 'password') {
        const password = words.next() ?? '';
        if (entry !== null) entry.password = password;
      } else if (word === 'account') {
        words.next();
      } else if (word === 'macdef') {
        words.skipMacro();
      }
    }
    return new NetrcFile(machines, fallback);
  }

  get isEmpty(): boolean {
    return this.#machines.size === 0 && this.#fallback === null;
  }

  /** What there is for a host, which is without its port. null too for an entry that has neither login nor password. */
  find(host: string): NetrcEntry | null {
    const entry = this.#machines.get(host.toLowerCase()) ?? this.#fallback;
    return entry === null || (entry.login === '' && entry.password === '') ? null : entry;
  }
}

const BLANK = /(?:\s|(?<=(?:^|\n)[ \t]*)#[^\n]*)*/y;
const WORD = /"((?:[^"\\]|\\[^])*)"?|\S+/y;
const MACRO = /[^]*?(?:\r?\n[ \t]*(?=\r?\n)|$)/y;

class Words {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): string | null {
    this.#take(BLANK);
    const match = this.#take(WORD);
    if (match === null) return null;
    return match[1] === undefined ? match[0] : match[1].replace(/\\([^])/g, '$1');
  }

  skipMacro(): void {
    this.#take(MACRO);
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}
