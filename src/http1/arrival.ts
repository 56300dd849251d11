import type { Exchange, InformationalResponse } from '../exchange.ts';
import type { Headers } from '../messages/headers.ts';
import type { IncomingBody } from './incoming-body.ts';
import type { ParserLimits } from './limits.ts';
import { ResponseParser, type ParserEvents } from './parser.ts';
import type { RequestHead } from './request-head.ts';

/**
 * What has arrived of a response: the parser reports to it in the course of a push, and the connection looks at it afterwards, when the
 * parser is done with the bytes.
 */
export class Arrival implements ParserEvents {
  readonly parser: ResponseParser;
  /** A byte of it has come. */
  heard = false;
  headCame = false;
  complete = false;
  trailers: Headers | null = null;
  /** Where the body goes, once the head has been answered with a response whose body is still to come. */
  body: IncomingBody | null = null;
  /** Before that: where in the bytes that brought the head the body lies. */
  from = 0;
  to = 0;
  /** The reader of the body can take more. */
  hungry = true;
  /** Whether the socket reads into the shared buffer, or into the present body's own. */
  #readsShared = false;
  readonly #onInformational: (response: InformationalResponse) => void;

  constructor(limits: ParserLimits, onInformational: (response: InformationalResponse) => void) {
    this.parser = new ResponseParser(this, limits);
    this.#onInformational = onInformational;
  }

  /** The part of the body that has come, in bytes; null before its head. */
  get bodyBytes(): number | null {
    return this.headCame ? this.parser.bodyBytes : null;
  }

  /** Makes ready for the response to the next request. */
  begin({ request }: Exchange, { upgrade }: RequestHead): void {
    this.parser.begin(request.method, upgrade);
    this.heard = false;
    this.headCame = false;
    this.complete = false;
    this.trailers = null;
    this.body = null;
    this.from = 0;
    this.to = 0;
    this.hungry = true;
  }

  /** What it was is the reader's alone. */
  forget(): void {
    this.body = null;
    this.parser.forget();
  }

  /** Answers the place of the first byte that is not part of the response. @throws Violation */
  push(bytes: Buffer, from: number, to: number): number {
    this.heard = true;
    const end = this.parser.push(bytes, from, to);
    this.body?.filled(bytes, to);
    return end;
  }

  /** Where the socket is to read next: into the body's own memory while that is `open`. Undefined: where it did before. */
  memory(shared: Buffer, open: boolean): Buffer | undefined {
    if (this.body !== null && open) {
      this.#readsShared = false;
      return this.body.buffer();
    }
    if (this.#readsShared) return undefined;
    this.#readsShared = true;
    return shared;
  }

  onInformational(status: number, statusText: string, headers: Headers): void {
    this.#onInformational({ status, statusText, headers });
  }

  onHead(): void {
    this.headCame = true;
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    if (this.body === null) {
      this.from = from;
      this.to = to;
    } else if (this.body.open) {
      this.hungry = this.body.push(bytes, from, to);
    }
  }

  onComplete(trailers: Headers | null): void {
    this.complete = true;
    this.trailers = trailers;
  }
}
