import type { Exchange } from '../exchange.ts';
import { hasFramingFields } from '../messages/headers.ts';
import type { NetworkStream } from '../network/stream.ts';
import type { RequestHead } from './request-head.ts';

/** Methods of which one too many does no harm (RFC 9110 §9.2.1): no other is sent while an answer is awaited (RFC 9112 §9.3.2). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** A request that has been written while another's answer was awaited. */
export interface Written {
  readonly exchange: Exchange;
  readonly head: RequestHead;
}

/**
 * The requests of a connection that are sent behind the one whose answer is awaited (RFC 9112 §9.3.2). What one turn of the event loop
 * brings leaves in one write.
 */
export class Pipeline {
  readonly #stream: NetworkStream;
  /** How many may be under way at once, the first included. */
  readonly #depth: number;
  #behind: Written[] = [];
  /** The first one may have others behind it. */
  #open = false;
  #text = '';

  constructor(stream: NetworkStream, depth: number) {
    this.#stream = stream;
    this.#depth = depth;
  }

  /**
   * Whether a request may be one of several. One that was, and was not answered because of another, gets a connection of its own: else it
   * might be at the mercy of others for ever.
   */
  static admits({ request, attempt }: Exchange): boolean {
    return (
      attempt === 1 &&
      request.content === null &&
      SAFE.has(request.method) &&
      !hasFramingFields(request.headers)
    );
  }

  /** How many may be sent behind those that are. */
  get room(): number {
    return this.#open ? this.#depth - 1 - this.#behind.length : 0;
  }

  /** Another request is the first. `persistent`: the server is known to keep the connection. */
  begin(exchange: Exchange, persistent: boolean): void {
    this.#open = persistent && Pipeline.admits(exchange);
  }

  /** Takes no more. */
  close(): void {
    this.#open = false;
  }

  write(text: string): void {
    if (this.#text === '') process.nextTick(flush, this);
    this.#text += text;
  }

  flush(): void {
    const text = this.#text;
    this.#text = '';
    if (text !== '') this.#stream.write(text);
  }

  push(written: Written): void {
    this.#behind.push(written);
    this.write(written.head.text);
    written.exchange.timeline?.sentWhole(written.head.text.length, 0);
  }

  /** Whose answer comes next. */
  get next(): Written | undefined {
    return this.#behind[0];
  }

  shift(): void {
    this.#behind.shift();
  }

  /** The connection is gone: those whose callers wait still. */
  abandon(): readonly Exchange[] {
    const left = this.#behind.map(({ exchange }) => exchange).filter((each) => !each.finished);
    this.#behind = [];
    this.#text = '';
    return left;
  }
}

function flush(pipeline: Pipeline): void {
  pipeline.flush();
}
