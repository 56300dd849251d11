import { receivedHeaders, type Headers } from '../messages/headers.ts';
import { ChunkLine } from './chunk-line.ts';
import { framingOf, type Framing } from './framing.ts';
import { HeadScanner } from './head-scanner.ts';
import { DEFAULT_LIMITS, type ParserLimits } from './limits.ts';
import { Violation } from './violation.ts';

/** What the parser reports to. */
export interface ParserEvents {
  /** An interim response, 1xx but for 101 (RFC 9110 §15.2): the final one is still to come. */
  onInformational(status: number, statusText: string, headers: Headers): void;
  /** The head of the response. What there is to know of it stands on the parser. */
  onHead(parser: ResponseParser): void;
  /** Bytes of the body: `bytes[from..to)`, borrowed. */
  onBody(bytes: Buffer, from: number, to: number): void;
  /** The response is complete. */
  onComplete(trailers: Headers | null): void;
}

/**
 * Where in a response the parser is.
 *
 *     idle ─ begin ─▶ head ─┬──────────────────────────▶ complete ─ begin ─▶ head …
 *                      ▲│   ├─▶ length ────────────────▶ complete
 *                   1xx└┘   ├─▶ chunk-line ─▶ chunk-data ─▶ chunk-end ─▶ chunk-line …
 *                           │        └─▶ trailers ──────▶ complete
 *                           ├─▶ until-close ─ finish ──▶ complete
 *                           └─▶ tunnel
 *     any ─▶ failed
 */
export type ParserState =
  | 'idle'
  | 'head'
  | 'length'
  | 'chunk-line'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'until-close'
  | 'tunnel'
  | 'complete'
  | 'failed';

/** The only moves there are. */
const MOVES: Readonly<Record<ParserState, readonly ParserState[]>> = {
  idle: ['head'],
  head: ['length', 'chunk-line', 'until-close', 'tunnel', 'complete'],
  length: ['complete'],
  'chunk-line': ['chunk-data', 'trailers'],
  'chunk-data': ['chunk-end'],
  'chunk-end': ['chunk-line'],
  trailers: ['complete'],
  'until-close': ['complete'],
  tunnel: [],
  complete: ['head'],
  failed: [],
};

const NO_HEADERS: Headers = receivedHeaders('');
const CR = 0x0d;
const LF = 0x0a;

/**
 * Parses responses of one connection, one after the other (RFC 9112). It does no I/O: bytes are pushed in, in whatever pieces they come,
 * and events come out. It answers how far it read: what lies beyond a complete response is not its own.
 *
 * The bytes pushed in are scratch memory: chunked bodies are moved together in place, so that one read makes one piece.
 */
export class ResponseParser {
  readonly head: HeadScanner;
  headers: Headers = NO_HEADERS;
  framing: Framing = 'none';
  /** Bytes of the body so far. */
  bodyBytes = 0;

  readonly #events: ParserEvents;
  readonly #chunkLine: ChunkLine;
  #state: ParserState = 'idle';
  #method = 'GET';
  #mayUpgrade = false;
  /** Bytes left of the body, or of the chunk. */
  #left = 0;
  #seenCR = false;

  constructor(events: ParserEvents, limits: ParserLimits = DEFAULT_LIMITS) {
    this.#events = events;
    this.head = new HeadScanner(limits);
    this.#chunkLine = new ChunkLine(limits);
  }

  get state(): ParserState {
    return this.#state;
  }

  /** Whether bytes of the present response have come. */
  get started(): boolean {
    return this.#state !== 'head' || this.head.started;
  }

  /** Holds on to no head any more. */
  forget(): void {
    this.headers = NO_HEADERS;
    this.head.lines = '';
  }

  /** Makes ready for the response to a request of this method. `mayUpgrade`: the request asked for an upgrade, and 101 may answer it. */
  begin(method: string, mayUpgrade: boolean): void {
    this.#become('head');
    this.head.beginResponse();
    this.#method = method;
    this.#mayUpgrade = mayUpgrade;
    this.bodyBytes = 0;
  }

  /**
   * Reads `bytes[from..to)` and answers the place of the first byte that is not part of the response.
   * @throws Violation, and is of no more use then.
   */
  push(bytes: Buffer, from: number, to: number): number {
    try {
      return this.#push(bytes, from, to);
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
  }

  /** The peer will send no more. @throws Violation where that cuts the response short. */
  finish(): void {
    switch (this.#state) {
      case 'until-close':
        this.#complete(null);
        return;
      case 'idle':
      case 'complete':
      case 'tunnel':
        return;
      case 'failed':
        throw new Error('http1 parser: finished in state failed');
      default: {
        const where = this.#cutShort(this.#state);
        this.#state = 'failed';
        throw new Violation(where);
      }
    }
  }

  #push(bytes: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      switch (this.#state) {
        case 'head': {
          const end = this.head.scan(bytes, at, to);
          if (end === -1) return to;
          at = end;
          this.#onHead();
          break;
        }
        case 'length': {
          const end = Math.min(to, at + this.#left);
          this.#left -= end - at;
          this.#body(bytes, at, end);
          at = end;
          if (this.#left === 0) this.#complete(null);
          break;
        }
        case 'chunk-line':
        case 'chunk-data':
        case 'chunk-end':
          at = this.#chunks(bytes, at, to);
          break;
        case 'trailers': {
          const end = this.head.scan(bytes, at, to);
          if (end === -1) return to;
          at = end;
          this.#complete(this.head.lines === '' ? null : receivedHeaders(this.head.lines));
          break;
        }
        case 'until-close':
          this.#body(bytes, at, to);
          return to;
        case 'complete':
        case 'tunnel':
          return at;
        case 'idle':
        case 'failed':
          throw new Error(`http1 parser: bytes pushed in state ${this.#state}`);
      }
    }
    return at;
  }

  #onHead(): void {
    const { head } = this;
    this.headers = receivedHeaders(head.lines);
    if (head.status < 200 && head.status !== 101) {
      this.#events.onInformational(head.status, head.statusText, this.headers);
      head.continueResponse();
      return;
    }
    if (head.status === 101) {
      // RFC 9110 §15.2.2: only in answer to Upgrade.
      if (!this.#mayUpgrade)
        throw new Violation('101 Switching Protocols without having been asked to');
      this.framing = 'tunnel';
    } else {
      this.framing = framingOf(this.#method, head, this.headers);
    }
    this.#events.onHead(this);
    const { framing } = this;
    if (typeof framing === 'number') {
      if (framing === 0) this.#complete(null);
      else {
        this.#left = framing;
        this.#become('length');
      }
    } else if (framing === 'chunked') {
      this.#chunkLine.begin();
      this.#become('chunk-line');
    } else if (framing === 'none') this.#complete(null);
    else this.#become(framing);
  }

  #complete(trailers: Headers | null): void {
    this.#become('complete');
    this.#events.onComplete(trailers);
  }

  #cutShort(state: ParserState): string {
    if (state === 'length')
      return `the body ended after ${this.bodyBytes} of ${this.bodyBytes + this.#left} bytes`;
    if (state !== 'head')
      return `the connection ended within a chunked body, after ${this.bodyBytes} bytes`;
    return this.head.started
      ? 'the connection ended within the head'
      : 'the connection ended before the response';
  }

  #body(bytes: Buffer, from: number, to: number): void {
    this.bodyBytes += to - from;
    this.#events.onBody(bytes, from, to);
  }

  /** Chunks, as many as there are; their data is moved together, so that it goes out as one piece. */
  #chunks(bytes: Buffer, from: number, to: number): number {
    let at = from;
    let gatheredFrom = from;
    let gatheredTo = from;
    try {
      while (at < to && this.#state !== 'trailers') {
        if (this.#state === 'chunk-data') {
          const end = Math.min(to, at + this.#left);
          if (gatheredTo === gatheredFrom) {
            gatheredFrom = at;
            gatheredTo = at;
          } else if (gatheredTo !== at) bytes.copyWithin(gatheredTo, at, end);
          gatheredTo += end - at;
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) this.#become('chunk-end');
        } else if (this.#state === 'chunk-end') {
          at = this.#chunkEnd(bytes, at, to);
        } else {
          const end = this.#chunkLine.scan(bytes, at, to);
          if (end === -1) {
            at = to;
            break;
          }
          at = end;
          this.#left = this.#chunkLine.size;
          if (this.#left > 0) this.#become('chunk-data');
          else {
            this.head.beginTrailers();
            this.#become('trailers');
          }
        }
      }
    } finally {
      // Before a violation too: what is good of a push does not depend on where the pushes were cut.
      if (gatheredTo > gatheredFrom) this.#body(bytes, gatheredFrom, gatheredTo);
    }
    return at;
  }

  #chunkEnd(bytes: Buffer, at: number, to: number): number {
    if (!this.#seenCR) {
      if (bytes[at] === LF) throw new Violation('a bare LF after chunk data');
      if (bytes[at] !== CR) throw new Violation('chunk data that is longer than the chunk size');
      this.#seenCR = true;
      at++;
    }
    if (at === to) return at;
    if (bytes[at] !== LF) throw new Violation('a bare CR after chunk data');
    this.#seenCR = false;
    this.#chunkLine.begin();
    this.#become('chunk-line');
    return at + 1;
  }

  #become(state: ParserState): void {
    if (!MOVES[this.#state].includes(state))
      throw new Error(`http1 parser: from ${this.#state} there is no way to ${state}`);
    this.#state = state;
  }
}
