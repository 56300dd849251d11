/** Enough for the origins that a program talks to at a time; a session is some kilobytes. The same number as in Node's Agent. */
const MAX_SESSIONS = 100;

/** What lets the next connection to a server skip most of the handshake (RFC 8446 §2.2): the newest session for each target. */
export class TLSSessions {
  /** Least recently used first. */
  readonly #sessions = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    const session = this.#sessions.get(key);
    if (session !== undefined) this.set(key, session);
    return session;
  }

  set(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= MAX_SESSIONS) return;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      break;
    }
  }

  delete(key: string): void {
    this.#sessions.delete(key);
  }

  clear(): void {
    this.#sessions.clear();
  }

  get size(): number {
    return this.#sessions.size;
  }
}
