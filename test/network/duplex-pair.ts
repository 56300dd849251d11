import { Duplex } from 'node:stream';

/** Two Duplexes without a socket, each other's peer. (`stream.duplexPair` is not in every Node 20.) */
export function duplexPair(): [Duplex, Duplex] {
  const a = new Half();
  const b = new Half();
  a.peer = b;
  b.peer = a;
  return [a, b];
}

class Half extends Duplex {
  peer: Half | undefined;
  #written: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const written = this.peer?.takeCallback();
    written?.();
  }

  takeCallback(): (() => void) | undefined {
    const written = this.#written;
    this.#written = undefined;
    return written;
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    if (this.peer?.push(chunk) === true) queueMicrotask(done);
    else this.#written = done;
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }
}
