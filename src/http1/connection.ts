import type { Duplex } from 'node:stream';
import {
  ReadError,
  ReadTimeoutError,
  RemoteProtocolError,
  WriteError,
  WriteTimeoutError,
  type RequestError,
} from '../errors.ts';
import { Alarm } from '../alarm.ts';
import type { Connection, ConnectionOwner, Exchange } from '../exchange.ts';
import type { Headers } from '../messages/headers.ts';
import { Response } from '../messages/response.ts';
import type { NetworkStream, StreamReceiver } from '../network/stream.ts';
import { CONNECTION, KEEP_ALIVE } from './head-scanner.ts';
import { IncomingBody, type BodyFlow } from './incoming-body.ts';
import type { ParserLimits } from './limits.ts';
import { OutgoingBody } from './outgoing-body.ts';
import { ResponseParser, type ParserEvents } from './parser.ts';
import { requestHead, tokens, type RequestHead } from './request-head.ts';
import { ScopedBody, UpgradedBody } from './scoped-body.ts';
import { Violation } from './violation.ts';

/**
 * Where a connection is.
 *
 *     idle ─ send ─▶ checking ─▶ sending ─▶ waiting ─▶ receiving ─▶ idle
 *                        └──────▶┘  ├──────────┴──────────┘ │
 *                                   └▶ (an early answer)    ├─▶ draining ─▶ idle
 *                                                           └─▶ handed-over
 *     any ─▶ closed
 *
 * 'checking' is a turn of the event loop, given to a socket that has been idle for a while, so that a FIN that lies unread is seen before
 * anything is written. 'sending' ends when the last byte of the request is written, 'waiting' with the first of the answer's head.
 */
type State = 'idle' | 'checking' | 'sending' | 'waiting' | 'receiving' | 'draining' | 'handed-over' | 'closed';

/** A connection that was idle for longer may have been closed meanwhile without this process having looked. */
const CHECK_AFTER = 5;
/** A response that is given up is read to its end, for the connection's sake, up to this much and this long (DESIGN §4). */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_TIME = 100;
/** How long a body waits for 100 (Continue) before it is sent all the same, as RFC 9110 §10.1.1 asks for. Go and curl: 1 s. */
const CONTINUE_TIME = 1000;
/** Bodies in memory up to this leave with the head, in one write. */
const ONE_WRITE = 64 * 1024;
/** While the peer takes nothing, this part of the write timeout passes between two looks at its progress. */
const PROGRESS_LOOKS = 50;

const EMPTY = Buffer.alloc(0);
const NO_HINT = { timeout: Infinity, max: Infinity } as const;

/** What connections of one pool have in common. */
export interface Http1Options {
  readonly limits: ParserLimits;
  /** What Host says (RFC 9110 §7.2). */
  readonly host: string;
  /** One read buffer for all connections: what a read brings is dealt with before the next one. */
  readonly readBuffer: Buffer;
  /** Makes a Node stream of a connection that HTTP has left, and of bytes that came already. */
  readonly toDuplex: (stream: NetworkStream, early: Buffer) => Duplex;
}

/** One HTTP/1.1 connection: an exchange at a time, one after the other. */
export class Http1Connection implements Connection, StreamReceiver, ParserEvents, BodyFlow {
  readonly protocol = 'http/1.1';
  readonly opened: number = performance.now();
  served = 0;
  keepAlive: { readonly timeout: number; readonly max: number } = NO_HINT;

  readonly #stream: NetworkStream;
  readonly #owner: ConnectionOwner;
  readonly #options: Http1Options;
  readonly #parser: ResponseParser;
  readonly #alarm: Alarm = new Alarm(() => this.#onAlarm());
  #state: State = 'idle';
  #idleSince: number = performance.now();

  // The exchange under way.
  #exchange: Exchange | null = null;
  #head: RequestHead | null = null;
  #outgoing: OutgoingBody | null = null;
  #awaitingContinue = false;
  /** All is written, but the operating system has not taken all yet. */
  #flushing = false;
  #body: IncomingBody | null = null;
  #keptAlive = false;
  /** A byte of the answer has come. */
  #heard = false;
  #drained: (() => void) | null = null;
  #drainEnd = 0;
  // Of the write that is blocked.
  #pending = 0;
  #progressAt = 0;
  // Of the push that is going on: what the parser has reported.
  #headCame = false;
  #completed = false;
  #trailers: Headers | null = null;
  #pieceFrom = 0;
  #pieceTo = 0;
  #more = true;
  // Whether the socket reads into the shared buffer, or into the present body's own.
  #readsShared = false;
  #lastHint: string | null = null;

  constructor(stream: NetworkStream, owner: ConnectionOwner, options: Http1Options) {
    this.#stream = stream;
    this.#owner = owner;
    this.#options = options;
    this.#parser = new ResponseParser(this, options.limits);
    stream.attach(this);
  }

  get remoteAddress(): string | undefined {
    return this.#stream.remoteAddress;
  }

  get active(): number {
    return this.#exchange === null ? 0 : 1;
  }

  get room(): number {
    return this.#state === 'idle' ? 1 : 0;
  }

  get current(): Exchange | null {
    return this.#exchange;
  }

  send(exchange: Exchange): void {
    const { request } = exchange;
    let head: RequestHead;
    try {
      head = requestHead(request, request.extensions.target ?? request.target, this.#options.host);
    } catch (error) {
      exchange.fail(error);
      this.#owner.onAvailable(this);
      return;
    }
    this.#exchange = exchange;
    this.#head = head;
    exchange.holder = this;
    this.#alarm.clear();
    if (this.served > 0 && performance.now() - this.#idleSince > CHECK_AFTER) {
      this.#state = 'checking';
      setImmediate(Http1Connection.#checked, this, exchange);
    } else {
      this.#write(exchange, head);
    }
  }

  expireAt(at: number): void {
    this.#alarm.set(at);
  }

  drop(exchange: Exchange, reason: unknown): void {
    if (this.#state === 'checking') {
      // Nothing has been written: the connection is as it was.
      this.#release();
      exchange.fail(reason);
      this.#becomeIdle();
      return;
    }
    this.#body?.abort(reason);
    this.#fail(reason);
  }

  destroy(error: Error): void {
    if (this.#exchange === null) this.#close();
    else this.#fail(error);
  }

  // ── the socket ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onBytes(buffer: Uint8Array, length: number): boolean {
    const bytes = buffer as Buffer;
    if (this.#exchange === null || this.#state === 'checking') {
      // An answer to nothing (RFC 9112 §9.2 has it dropped): whatever comes next could be taken for the next response.
      this.#gone(new Violation('bytes came that no request had asked for'));
      return false;
    }
    this.#more = true;
    this.#heard = true;
    let end: number;
    try {
      end = this.#parser.push(bytes, 0, length);
    } catch (error) {
      this.#fail(this.#remoteError(error as Error));
      return false;
    }
    this.#body?.filled(bytes, length);
    this.#afterPush(bytes, end, length);
    return this.#more;
  }

  nextBuffer(): Uint8Array | undefined {
    if (this.#body !== null && this.#state === 'receiving') {
      this.#readsShared = false;
      return this.#body.buffer();
    }
    if (this.#readsShared) return undefined;
    this.#readsShared = true;
    return this.#options.readBuffer;
  }

  onDrain(): void {
    this.#outgoing?.onDrain();
  }

  onEnd(): void {
    if (this.#exchange === null || this.#state === 'checking') {
      this.#gone(new Violation('the server closed the connection while it was idle'));
      return;
    }
    if (this.#state === 'handed-over') return;
    try {
      this.#parser.finish();
    } catch (error) {
      this.#gone(error as Error);
      return;
    }
    this.#keptAlive = false;
    this.#afterPush(EMPTY, 0, 0);
  }

  onClose(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#gone(error ?? new Error('the connection was closed'));
  }

  // ── the parser ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(status: number, statusText: string, headers: Headers): void {
    if (status === 100 && this.#awaitingContinue) this.#sendBody();
    this.#exchange?.request.extensions.onInformational?.({ status, statusText, headers });
  }

  onHead(): void {
    this.#headCame = true;
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    if (this.#body === null) {
      // Of the push that brings the head: it is taken care of at its end.
      this.#pieceFrom = from;
      this.#pieceTo = to;
    } else if (this.#state === 'receiving') {
      this.#more = this.#body.push(bytes, from, to);
    }
  }

  onComplete(trailers: Headers | null): void {
    this.#completed = true;
    this.#trailers = trailers;
  }

  // ── the body's reader ───────────────────────────────────────────────────────────────────────────────────────────────────────

  resume(): void {
    if (this.#state !== 'receiving') return;
    this.#setAlarm();
    this.#stream.resume();
  }

  abandon(): Promise<void> {
    const { framing, bodyBytes } = this.#parser;
    const left = typeof framing === 'number' ? framing - bodyBytes : 0;
    this.#body?.abort(new Error('the response was closed'));
    if (this.#state !== 'receiving' || this.#outgoing !== null || !this.#keptAlive || left > DRAIN_BYTES) {
      this.#exchange?.finish();
      this.#release();
      this.#close();
      return Promise.resolve();
    }
    this.#state = 'draining';
    this.#drainEnd = bodyBytes + DRAIN_BYTES;
    this.#alarm.set(performance.now() + DRAIN_TIME);
    this.#stream.resume();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  // ── an exchange ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  static #checked(connection: Http1Connection, exchange: Exchange): void {
    if (connection.#state === 'checking' && connection.#exchange === exchange) {
      connection.#write(exchange, connection.#head as RequestHead);
    }
  }

  #write(exchange: Exchange, head: RequestHead): void {
    const { request } = exchange;
    this.served++;
    this.#heard = false;
    this.#headCame = false;
    this.#completed = false;
    this.#trailers = null;
    this.#pieceFrom = 0;
    this.#pieceTo = 0;
    this.#parser.begin(request.method, head.upgrade);
    this.#state = 'sending';
    const { content } = request;
    if (head.framing === 'none' || content === null) {
      this.#stream.write(head.framing === 'chunked' ? `${head.text}0\r\n\r\n` : head.text);
      this.#sent();
      return;
    }
    if (head.expectContinue) {
      this.#awaitingContinue = true;
      this.#stream.write(head.text);
      this.#setAlarm();
      return;
    }
    if (head.framing === 'length' && head.length <= ONE_WRITE) {
      if (content.ascii !== undefined) {
        this.#stream.write(head.text + content.ascii);
        this.#sent();
        return;
      }
      if (content.bytes !== undefined) {
        this.#stream.cork();
        this.#stream.write(head.text);
        this.#stream.write(content.bytes());
        this.#stream.uncork();
        this.#sent();
        return;
      }
    }
    this.#stream.write(head.text);
    this.#sendBody();
  }

  #sendBody(): void {
    this.#awaitingContinue = false;
    const outgoing = new OutgoingBody(this.#stream, this.#exchange as Exchange, this.#head as RequestHead);
    this.#outgoing = outgoing;
    this.#pending = 0;
    this.#setAlarm();
    outgoing.send().then(
      (complete) => {
        if (this.#outgoing === outgoing && complete) this.#sent();
      },
      (error: unknown) => {
        if (this.#outgoing === outgoing) this.#fail(error);
      },
    );
  }

  /** The last byte of the request has been written. */
  #sent(): void {
    this.#flushing = this.#outgoing !== null && this.#stream.bytesPending > 0;
    this.#outgoing = null;
    if (this.#state === 'sending') this.#state = 'waiting';
    this.#setAlarm();
  }

  /** Looks at what one push has brought. `bytes[end..length)` is beyond the response. */
  #afterPush(bytes: Buffer, end: number, length: number): void {
    if (!this.#headCame) {
      if (!this.#awaitingContinue) this.#setAlarm();
      return;
    }
    if (this.#body === null) this.#answer(bytes, end, length);
    else if (this.#completed) this.#complete(end < length);
    else if (this.#state === 'draining' && this.#parser.bodyBytes > this.#drainEnd) this.#endDrain();
    else this.#setAlarm();
  }

  /** The head of the response is there, and perhaps all of it. */
  #answer(bytes: Buffer, end: number, length: number): void {
    const exchange = this.#exchange as Exchange;
    const parser = this.#parser;
    const { head, framing } = parser;
    if (framing === 'tunnel') {
      this.#handOver(exchange, bytes.subarray(end, length));
      return;
    }
    this.#keptAlive = this.#persists();
    // RFC 9112 §9.5: whoever answers with an error before it has the body does not want it.
    if (this.#outgoing !== null && head.status >= 300) this.#stopSending();
    if (this.#awaitingContinue) {
      this.#awaitingContinue = false;
      this.#keptAlive = false;
    }
    if (this.#completed && this.#trailers === null) {
      const from = this.#pieceFrom;
      const to = this.#pieceTo;
      // `bytes` is the socket's, and will be read into again.
      const body = from === to ? EMPTY : Buffer.allocUnsafe(to - from);
      if (from !== to) bytes.copy(body, 0, from, to);
      const response = this.#response(exchange, body);
      this.#complete(end < length);
      exchange.answer(response);
      return;
    }
    const body = new IncomingBody(this, typeof framing === 'number' ? framing : null);
    this.#body = body;
    this.#state = 'receiving';
    if (this.#pieceTo > this.#pieceFrom) this.#more = body.push(bytes, this.#pieceFrom, this.#pieceTo);
    const source = new ScopedBody(body, () => {
      this.#owner.onDropped(exchange);
      void this.abandon();
    });
    const response = this.#response(exchange, source);
    if (this.#completed) this.#complete(end < length);
    else this.#setAlarm();
    exchange.answer(response);
  }

  #response(exchange: Exchange, body: Uint8Array | ScopedBody | UpgradedBody): Response {
    const { head, headers } = this.#parser;
    return new Response(head.status, {
      statusText: head.statusText,
      headers,
      body,
      request: exchange.request,
      httpVersion: head.minorVersion === 0 ? '1.0' : '1.1',
      elapsed: exchange.elapsed,
    });
  }

  /** The response is complete. `more`: bytes came after it. */
  #complete(more: boolean): void {
    const body = this.#body;
    const drained = this.#drained;
    if (this.#outgoing !== null) this.#stopSending();
    // Bytes behind a complete response belong to nothing.
    const reusable = this.#keptAlive && !more;
    this.#exchange?.finish();
    this.#release();
    if (reusable) this.#becomeIdle();
    else this.#close();
    body?.end(this.#trailers);
    drained?.();
  }

  /** The rest of the request is not sent: the connection cannot be used again. */
  #stopSending(): void {
    this.#outgoing?.stop();
    this.#outgoing = null;
    this.#keptAlive = false;
  }

  /** RFC 9112 §9.3: whether the connection can be used again after this response. */
  #persists(): boolean {
    const { head, headers, framing } = this.#parser;
    const options = (head.fields & CONNECTION) === 0 ? null : tokens(headers.get('connection'));
    if (this.#head?.close === true || framing === 'until-close') return false;
    if (options?.includes('close') === true) return false;
    if (head.minorVersion === 0 && options?.includes('keep-alive') !== true) return false;
    if ((head.fields & KEEP_ALIVE) !== 0) this.#readHint(headers.get('keep-alive'));
    return true;
  }

  /** `timeout=5, max=100`: what many servers say of how long they wait. It seldom changes. */
  #readHint(value: string | null): void {
    if (value === this.#lastHint || value === null) return;
    this.#lastHint = value;
    const timeout = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value);
    const max = /(?:^|[\s,;])max\s*=\s*"?(\d{1,9})/i.exec(value);
    this.keepAlive = {
      timeout: timeout === null ? Infinity : Number(timeout[1]) * 1000,
      max: max === null ? Infinity : Number(max[1]),
    };
  }

  #handOver(exchange: Exchange, rest: Buffer): void {
    this.#state = 'handed-over';
    this.#more = false;
    this.#alarm.stop();
    this.#release();
    exchange.finish();
    this.#owner.onClosed(this);
    const early = Buffer.from(rest);
    const body = new UpgradedBody(
      () => this.#options.toDuplex(this.#stream, early),
      () => this.#stream.destroy(),
    );
    exchange.answer(this.#response(exchange, body));
  }

  /** Lets go of the exchange. */
  #release(): void {
    this.#outgoing?.stop();
    this.#exchange = null;
    this.#head = null;
    this.#outgoing = null;
    this.#awaitingContinue = false;
    this.#flushing = false;
    this.#body = null;
    this.#drained = null;
  }

  #becomeIdle(): void {
    this.#state = 'idle';
    this.#idleSince = performance.now();
    this.#alarm.clear();
    this.#owner.onAvailable(this);
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.#owner.onClosed(this);
  }

  #end(): void {
    this.#state = 'closed';
    this.#more = false;
    this.#alarm.stop();
    this.#stream.destroy();
  }

  // ── failure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The connection is gone, or of no use any more. What that means for an exchange depends on how far it has come. */
  #gone(error: Error): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      this.#close();
      return;
    }
    const failure = this.#networkError(exchange, error);
    const unsent = this.#state === 'checking';
    if (!unsent && (this.#heard || this.served === 1)) {
      this.#fail(failure);
      return;
    }
    this.#release();
    this.#end();
    if (this.#owner.onStale(exchange, this, unsent)) return;
    exchange.fail(failure);
    this.#owner.onClosed(this);
  }

  /** Ends the exchange with this error, and the connection with it. */
  #fail(error: unknown): void {
    const exchange = this.#exchange;
    const body = this.#body;
    const drained = this.#drained;
    this.#release();
    this.#close();
    if (body !== null) {
      exchange?.finish();
      body.fail(error);
    } else exchange?.fail(error);
    drained?.();
  }

  #networkError(exchange: Exchange, cause: Error): RequestError {
    const details = exchange.describe(this.#state === 'sending' ? 'write' : 'read', { cause, ...this.#facts() });
    if (cause instanceof Violation) return new RemoteProtocolError(cause.message, details);
    const where = this.#parser.bodyBytes > 0 ? `after ${this.#parser.bodyBytes} bytes of the body` : 'before the response';
    if (this.#state === 'sending') return new WriteError(`the connection broke while the request was sent: ${cause.message}`, details);
    return new ReadError(`the connection broke ${where}: ${cause.message}`, details);
  }

  #remoteError(cause: Error): unknown {
    // Not the parser's word but the caller's own `onInformational`.
    if (!(cause instanceof Violation)) return cause;
    return new RemoteProtocolError(cause.message, (this.#exchange as Exchange).describe('read', this.#facts()));
  }

  #facts(): { reused: boolean; remoteAddress: string | undefined } {
    return { reused: this.served > 1, remoteAddress: this.remoteAddress };
  }

  // ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sets the bound that is in force in the present state. */
  #setAlarm(): void {
    const exchange = this.#exchange;
    if (exchange === null || this.#state === 'draining') return;
    const now = performance.now();
    if (this.#awaitingContinue) this.#alarm.set(now + CONTINUE_TIME);
    else if (this.#outgoing !== null || this.#flushing) {
      this.#progressAt = now;
      this.#alarm.set(now + exchange.timeouts.write / PROGRESS_LOOKS);
    } else if (this.#body?.paused === true) this.#alarm.clear();
    else this.#alarm.set(now + exchange.timeouts.read);
  }

  #onAlarm(): void {
    const exchange = this.#exchange;
    if (this.#state === 'draining') this.#endDrain();
    else if (exchange === null) this.#close();
    else if (this.#awaitingContinue) this.#sendBody();
    else if (this.#outgoing !== null || this.#flushing) this.#checkProgress(exchange);
    else {
      const { bodyBytes, started } = this.#parser;
      const what = started ? `no byte received for ${exchange.timeouts.read} ms, after ${bodyBytes} bytes of the body` : `no byte received for ${exchange.timeouts.read} ms`;
      this.#fail(new ReadTimeoutError(`${what} (read timeout)`, exchange.describe('read', this.#facts())));
    }
  }

  /** While a body is sent: the peer must go on taking it, if slowly. Nothing is asked of a source that is slow. */
  #checkProgress(exchange: Exchange): void {
    const now = performance.now();
    const pending = this.#stream.bytesPending;
    const { write } = exchange.timeouts;
    if (this.#flushing && pending === 0) {
      this.#flushing = false;
      this.#setAlarm();
      return;
    }
    if (this.#outgoing?.blocked === false || pending < this.#pending) this.#progressAt = now;
    this.#pending = pending;
    if (now - this.#progressAt >= write) {
      const sent = (this.#outgoing?.bytesSent ?? 0) - pending;
      this.#fail(
        new WriteTimeoutError(`no byte taken for ${write} ms, after ${sent} bytes of the body (write timeout)`, exchange.describe('write', this.#facts())),
      );
      return;
    }
    this.#alarm.set(Math.min(now + write / PROGRESS_LOOKS, this.#progressAt + write));
  }

  #endDrain(): void {
    const drained = this.#drained;
    this.#exchange?.finish();
    this.#release();
    this.#close();
    drained?.();
  }
}
