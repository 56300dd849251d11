import type { MemoryStream } from './memory-stream.ts';
import type { StreamReceiver } from './stream.ts';

/** What the server's end of a connection does next. */
export type MemoryStep =
  /** Waits until the client has written these bytes, or text that matches, right behind what was expected before. */
  | { readonly expect: string | Uint8Array | RegExp }
  /** Writes, in pieces of so many bytes: each reaches the client by itself. A list: pieces of these sizes, then the rest. */
  | { readonly reply: string | Uint8Array; readonly split?: number | readonly number[] }
  /** Waits for the test, which resolves the promise. */
  | { readonly wait: PromiseLike<unknown> }
  /** Half-closes. */
  | 'end'
  /** Breaks the connection: ECONNRESET at the client, or this error. */
  | 'reset'
  | { readonly reset: Error };

/** Plays steps on the server's end of a connection, which then stays open. Strings are latin1: one character a byte. */
export class MemoryScript implements StreamReceiver {
  readonly #steps: readonly MemoryStep[];
  readonly #stream: MemoryStream;
  /** What the client wrote and no step has expected yet. */
  #input = '';
  #over: 'no' | 'ended' | 'closed' = 'no';
  #wake: () => void = () => {};

  constructor(steps: readonly MemoryStep[], stream: MemoryStream) {
    this.#steps = steps;
    this.#stream = stream;
    stream.attach(this);
  }

  /** Resolves after the last step; rejects, and resets the connection, where the client does not play along. */
  async play(): Promise<void> {
    try {
      for (const step of this.#steps) await this.#perform(step);
    } catch (error) {
      this.#stream.reset(error as Error);
      throw error;
    }
  }

  async #perform(step: MemoryStep): Promise<void> {
    if (step === 'end') this.#stream.end();
    else if (step === 'reset') this.#stream.reset();
    else if ('reset' in step) this.#stream.reset(step.reset);
    else if ('wait' in step) await step.wait;
    else if ('expect' in step) await this.#expect(step.expect);
    else for (const piece of pieces(step.reply, step.split)) await this.#write(piece);
  }

  async #expect(what: string | Uint8Array | RegExp): Promise<void> {
    const wanted = typeof what === 'string' || what instanceof RegExp ? what : latin1(what);
    for (;;) {
      const length =
        typeof wanted === 'string' ? match(this.#input, wanted) : find(this.#input, wanted);
      if (length === 'never') break;
      if (length !== 'not yet') {
        this.#input = this.#input.slice(length);
        return;
      }
      if (this.#over !== 'no') break;
      await this.#change();
    }
    const shown = wanted instanceof RegExp ? String(wanted) : JSON.stringify(wanted);
    const came = JSON.stringify(this.#input);
    throw new Error(
      `expected ${shown}, but the client wrote ${came}${this.#over === 'no' ? '' : `, and ${this.#over}`}`,
    );
  }

  async #write(piece: Uint8Array): Promise<void> {
    if (this.#stream.write(piece)) return;
    while (this.#stream.bytesPending > 0 && this.#over !== 'closed') await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  onBytes(buffer: Uint8Array, length: number): boolean {
    this.#input += latin1(buffer.subarray(0, length));
    this.#wake();
    return true;
  }

  nextBuffer(): undefined {
    return undefined;
  }

  onDrain(): void {
    this.#wake();
  }

  onEnd(): void {
    this.#over = 'ended';
    this.#wake();
  }

  onClose(): void {
    this.#over = 'closed';
    this.#wake();
  }
}

type Match = number | 'not yet' | 'never';

function match(input: string, wanted: string): Match {
  if (input.startsWith(wanted)) return wanted.length;
  return wanted.startsWith(input) ? 'not yet' : 'never';
}

/** More input may always make it match. */
function find(input: string, wanted: RegExp): Match {
  const found = new RegExp(wanted, wanted.flags.replace(/[gy]/g, '')).exec(input);
  return found === null ? 'not yet' : found.index + found[0].length;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function pieces(reply: string | Uint8Array, split: number | readonly number[] = []): Uint8Array[] {
  const bytes = typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply;
  const found: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; start < bytes.length; i++) {
    const size = typeof split === 'number' ? split : (split[i] ?? bytes.length);
    found.push(bytes.subarray(start, start + Math.max(1, size)));
    start += Math.max(1, size);
  }
  return found;
}
