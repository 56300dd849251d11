const NOTHING = Buffer.alloc(0);

/** Finds requests in a stream of bytes, whatever their split, and counts their bodies. As lenient as it is short. */
export class RequestReader {
  readonly #onRequest: (method: string, path: string, length: number) => void;
  #state: 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' = 'head';
  #pending: Buffer = NOTHING;
  /** Bytes still to come of the body, or of the chunk and its line end. */
  #left = 0;
  #length = 0;
  #method = '';
  #path = '';

  constructor(onRequest: (method: string, path: string, length: number) => void) {
    this.#onRequest = onRequest;
  }

  push(bytes: Buffer): void {
    let rest = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    for (let used = this.#step(rest); used > 0; used = this.#step(rest)) rest = rest.subarray(used);
    this.#pending = rest;
  }

  /** Takes what it can of these bytes; 0: more are needed. */
  #step(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes);
      case 'chunk-size':
        return this.#readChunkSize(bytes);
      case 'trailer': {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return 0;
        if (end === 0) this.#finish();
        return end + 2;
      }
      case 'body':
      case 'chunk': {
        const part = Math.min(this.#left, bytes.length);
        this.#left -= part;
        if (this.#left > 0) return part;
        if (this.#state === 'body') this.#finish();
        else this.#state = 'chunk-size';
        return part;
      }
    }
  }

  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = bytes.toString('latin1', 0, end);
    [this.#method = '', this.#path = ''] = head.split(' ', 2);
    this.#length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    this.#left = this.#length;
    if (/^transfer-encoding:/im.test(head)) this.#state = 'chunk-size';
    else if (this.#left > 0) this.#state = 'body';
    else this.#finish();
    return end + 4;
  }

  #readChunkSize(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n');
    if (end < 0) return 0;
    const size = Number.parseInt(bytes.toString('latin1', 0, end), 16);
    this.#length += size;
    this.#left = size + 2;
    this.#state = size > 0 ? 'chunk' : 'trailer';
    return end + 2;
  }

  #finish(): void {
    this.#state = 'head';
    this.#onRequest(this.#method, this.#path, this.#length);
  }
}
