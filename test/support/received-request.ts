import { Condition } from './condition.ts';
import type { Header, RequestEvent, RequestHead } from './request-reader.ts';

/** A request as the server got it. It is logged when its head has come; the body grows later. */
export class ReceivedRequest implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: readonly Header[];
  readonly rawHead: string;
  /** The connection it came on; they are numbered from 1. */
  readonly connection: number;
  /** The sizes of the chunks as the client cut them; empty without chunked coding. */
  readonly chunkSizes: number[] = [];
  /** Known once the request is whole. */
  trailers: readonly Header[] = [];
  /** Bytes of the body that have come. */
  bodySize = 0;

  #pieces: Buffer[] = [];
  #state: 'open' | 'whole' | 'cut' = 'open';
  readonly #changed = new Condition();

  constructor(head: RequestHead, connection: number) {
    this.method = head.method;
    this.target = head.target;
    this.httpVersion = head.httpVersion;
    this.headers = head.headers;
    this.rawHead = head.rawHead;
    this.connection = connection;
  }

  /** The body as far as it has come, without its framing. */
  get body(): Buffer {
    const body = Buffer.concat(this.#pieces);
    this.#pieces = [body];
    return body;
  }

  get isWhole(): boolean {
    return this.#state === 'whole';
  }

  /** The values of every field of that name, joined by `', '`; `undefined` if there is none. */
  header(name: string): string | undefined {
    const values = this.headers
      .filter(([given]) => given.toLowerCase() === name.toLowerCase())
      .map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(', ');
  }

  /** Resolves when the last byte has come; rejects if the connection closed before that. */
  whole(): Promise<this> {
    return this.#changed.until(() => {
      if (this.#state === 'cut') throw new Error(`${this.toString()} was cut short by the client`);
      return this.isWhole ? this : undefined;
    });
  }

  toString(): string {
    return `${this.method} ${this.target} (connection ${this.connection}, ${this.bodySize} body bytes)`;
  }

  /** For the wire: what the reader found next. */
  grow(event: RequestEvent): void {
    if (event.type === 'chunk') this.chunkSizes.push(event.size);
    if (event.type === 'data') {
      this.#pieces.push(event.bytes);
      this.bodySize += event.bytes.length;
    }
    if (event.type === 'end') {
      this.trailers = event.trailers;
      this.#state = 'whole';
    }
    this.#changed.changed();
  }

  /** For the wire: no more of it will come. */
  cut(): void {
    if (this.#state === 'open') this.#state = 'cut';
    this.#changed.changed();
  }
}
