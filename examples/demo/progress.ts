import type { Response } from '../../src/index.ts';
import { count, duration, paint, print, size } from './screen.ts';

const BAR_WIDTH = 30;
/** Milliseconds between two drawings. */
const PAUSE = 50;

/** Takes a response's body piece by piece, and shows how far it is: a bar in a terminal, a few lines elsewhere. */
export async function download(response: Response): Promise<readonly string[]> {
  const progress = new Progress(response);
  let pieces = 0;
  let largest = 0;
  try {
    for await (const piece of response) {
      pieces += 1;
      largest = Math.max(largest, piece.byteLength);
      progress.moved();
    }
  } finally {
    progress.ended();
  }
  return pieces === 0 ? [] : [`in ${count(pieces, 'piece')} of at most ${size(largest)}`];
}

class Progress {
  readonly #response: Response;
  /** Bytes on the wire; null where the server does not say. */
  readonly #total: number | null;
  readonly #started = performance.now();
  #drawn = -Infinity;
  #quarters = 0;

  constructor(response: Response) {
    this.#response = response;
    const length = response.headers.get('content-length');
    this.#total = length === null ? null : Number(length);
  }

  moved(): void {
    if (process.stdout.isTTY) {
      const now = performance.now();
      if (now - this.#drawn < PAUSE) return;
      this.#drawn = now;
      process.stdout.write(`\r${this.#bar()}\x1b[K`);
    } else if (this.#total !== null) {
      const quarters = Math.floor((this.#response.bytesDownloaded / this.#total) * 4);
      // The last one is for `ended`.
      if (quarters === this.#quarters || quarters >= 4) return;
      this.#quarters = quarters;
      print(this.#bar());
    }
  }

  ended(): void {
    print(process.stdout.isTTY ? `\r${this.#bar()}\x1b[K` : this.#bar());
  }

  #bar(): string {
    const loaded = this.#response.bytesDownloaded;
    const elapsed = performance.now() - this.#started;
    const speed = `${size(Math.round(loaded / (elapsed / 1000)))}/s`;
    if (this.#total === null) return `    ${size(loaded)} in ${duration(elapsed)}, ${speed}`;
    const share = this.#total === 0 ? 1 : loaded / this.#total;
    const full = Math.round(share * BAR_WIDTH);
    const bar = paint('green', '█'.repeat(full)) + paint('dim', '░'.repeat(BAR_WIDTH - full));
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    return `    ${bar} ${percent}  ${size(loaded)} of ${size(this.#total)}  ${speed}`;
  }
}
