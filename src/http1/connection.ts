import { Alarm } from '../alarm.ts';
import type { Connection, ConnectionOwner, Exchange } from '../exchange.ts';
import type { NetworkStream, StreamReceiver } from '../network/stream.ts';
import { Arrival } from './arrival.ts';
import { Bounds } from './bounds.ts';
import { moved, type ConnectionState } from './connection-state.ts';
import { Drain } from './drain.ts';
import { broken, readTimeout, writeTimeout, type Circumstances } from './failures.ts';
import { afterPoll, isCheap, isLongIdle } from './idle-check.ts';
import { IncomingBody, type BodyFlow } from './incoming-body.ts';
import type { Http1Options } from './options.ts';
import { ResponseParser } from './parser.ts';
import { Persistence, type KeepAlive } from './persistence.ts';
import { receivedResponse } from './received-response.ts';
import { requestHead, type RequestHead } from './request-head.ts';
import { ScopedBody, UpgradedBody } from './scoped-body.ts';
import { Sender, type SenderEvents } from './sender.ts';
import { Violation } from './violation.ts';

const EMPTY = Buffer.alloc(0);

/** One HTTP/1.1 connection: an exchange at a time, one after the other. */
export class Http1Connection implements Connection, StreamReceiver, SenderEvents, BodyFlow {
  readonly protocol = 'http/1.1';
  readonly opened: number = performance.now();
  served = 0;

  readonly #stream: NetworkStream;
  readonly #owner: ConnectionOwner;
  readonly #options: Http1Options;
  readonly #parser: ResponseParser;
  readonly #alarm: Alarm = new Alarm(() => this.#onAlarm());
  readonly #persistence: Persistence = new Persistence();
  readonly #sender: Sender;
  readonly #arrival: Arrival;
  readonly #bounds: Bounds;
  readonly #drain: Drain = new Drain();
  #state: ConnectionState = 'idle';
  #idleSince: number = performance.now();
  /** The time of the event that is being dealt with: read once for each. */
  #now = 0;

  // The exchange under way.
  #exchange: Exchange | null = null;
  #head: RequestHead | null = null;
  /** A byte of the answer has come. */
  #heard = false;
  /** The connection was not new when the exchange came to it: the server may have closed it meanwhile. */
  #kept = false;
  /** The connection can be used again when the response is complete. */
  #reusable = false;

  constructor(stream: NetworkStream, owner: ConnectionOwner, options: Http1Options) {
    this.#stream = stream;
    this.#owner = owner;
    this.#options = options;
    this.#arrival = new Arrival((interim) => {
      if (interim.status === 100) this.#sender.sendBody(this.#now);
      this.#exchange?.request.extensions.onInformational?.(interim);
    });
    this.#parser = new ResponseParser(this.#arrival, options.limits);
    this.#sender = new Sender(stream, this);
    this.#bounds = new Bounds(this.#alarm, this.#sender, this.#arrival);
    stream.attach(this);
  }

  get remoteAddress(): string | undefined {
    return this.#stream.remoteAddress;
  }

  get keepAlive(): KeepAlive {
    return this.#persistence.keepAlive;
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
      const { host, proxied } = this.#options;
      head =
        proxied === undefined
          ? requestHead(request, request.extensions.target ?? request.target, host)
          : proxied.headOf(exchange, host);
    } catch (error) {
      exchange.fail(error);
      this.#owner.onAvailable(this, this.#idleSince);
      return;
    }
    this.#exchange = exchange;
    this.#head = head;
    exchange.holder = this;
    this.#now = performance.now();
    const longIdle = isLongIdle(this.#now - this.#idleSince);
    this.#kept = longIdle || this.served > 0;
    if (longIdle || (this.#kept && !isCheap(request.method))) {
      this.#alarm.clear();
      this.#become('checking');
      afterPoll(Http1Connection.#checked, this, exchange);
    } else {
      this.#write(exchange, head);
    }
  }

  expireAt(at: number): void {
    this.#alarm.set(at);
  }

  drop(exchange: Exchange, reason: unknown): void {
    if (this.#state !== 'checking') {
      this.#arrival.body?.abort(reason);
      this.#fail(reason);
      return;
    }
    // Nothing has been written: the connection is as it was, and has been idle all the time.
    this.#letGo();
    exchange.fail(reason);
    this.#become('idle');
    this.#owner.onAvailable(this, this.#idleSince);
  }

  destroy(error: Error): void {
    if (this.#exchange === null) this.#close();
    else this.#fail(error);
  }

  // ── the socket ────────────────────────────────────────────────────────────────────────────────

  onBytes(buffer: Uint8Array, length: number): boolean {
    const bytes = buffer as Buffer;
    if (this.#exchange === null || this.#state === 'checking') {
      // An answer to nothing: what comes behind it could be taken for the next response (RFC 9112 §9.2).
      this.#onGone(new Violation('bytes came that no request had asked for'));
      return false;
    }
    this.#now = performance.now();
    this.#heard = true;
    let end: number;
    try {
      end = this.#parser.push(bytes, 0, length);
    } catch (error) {
      this.#onParseError(error as Error);
      return false;
    }
    // The caller's own `onInformational` may have ended it.
    if (this.#exchange === null) return false;
    this.#arrival.body?.filled(bytes, length);
    this.#afterPush(bytes, end, length);
    return this.#arrival.hungry && this.#state !== 'handed-over';
  }

  nextBuffer(): Uint8Array | undefined {
    return this.#arrival.memory(this.#options.readBuffer, this.#state === 'receiving');
  }

  onDrain(): void {
    this.#sender.onDrain();
  }

  onEnd(): void {
    if (this.#state === 'handed-over') return;
    if (this.#exchange === null || this.#state === 'checking') {
      this.#onGone(new Violation('the server closed the connection while it was idle'));
      return;
    }
    try {
      this.#parser.finish();
    } catch (error) {
      this.#onGone(error as Error);
      return;
    }
    this.#reusable = false;
    this.#afterPush(EMPTY, 0, 0);
  }

  onClose(error: Error | undefined): void {
    if (this.#state === 'closed' || this.#state === 'handed-over') return;
    this.#onGone(error ?? new Error('the connection was closed'));
  }

  // ── the body's reader ─────────────────────────────────────────────────────────────────────────

  resume(): void {
    if (this.#state !== 'receiving') return;
    this.#arrival.hungry = true;
    this.#setAlarm(performance.now());
    this.#stream.resume();
  }

  abandon(): Promise<void> {
    const { framing, bodyBytes } = this.#parser;
    const drains =
      this.#state === 'receiving' &&
      !this.#sender.sending &&
      this.#reusable &&
      Drain.pays(framing, bodyBytes);
    const closed = new Error('the response was closed');
    this.#arrival.body?.abort(closed);
    if (!drains) {
      this.#fail(closed);
      return Promise.resolve();
    }
    this.#arrival.hungry = true;
    this.#become('draining');
    this.#alarm.set(this.#drain.begin(bodyBytes, performance.now()));
    this.#stream.resume();
    return this.#drain.wait();
  }

  // ── an exchange: the request ──────────────────────────────────────────────────────────────────

  static #checked(this: void, connection: Http1Connection, exchange: Exchange): void {
    if (connection.#state === 'checking' && connection.#exchange === exchange) {
      connection.#now = performance.now();
      connection.#write(exchange, connection.#head as RequestHead);
    }
  }

  #write(exchange: Exchange, head: RequestHead): void {
    this.served++;
    this.#heard = false;
    this.#arrival.begin();
    this.#parser.begin(exchange.request.method, head.upgrade);
    this.#become('sending');
    try {
      if (this.#sender.begin(exchange, head, this.#now)) this.#become('waiting');
    } catch (error) {
      this.#fail(error);
    }
    this.#setAlarm(this.#now);
  }

  onSent(): void {
    if (this.#state === 'sending') this.#become('waiting');
    this.#setAlarm(performance.now());
  }

  onSendFailed(error: unknown): void {
    this.#fail(error);
  }

  // ── an exchange: the response ─────────────────────────────────────────────────────────────────

  /** Looks at what one push has brought. `bytes[end..length)` is beyond the response. */
  #afterPush(bytes: Buffer, end: number, length: number): void {
    const { headCame, body, complete } = this.#arrival;
    if (headCame && body === null) this.#answer(bytes, end, length);
    else if (complete) this.#complete(end < length);
    else if (this.#state !== 'draining') this.#setAlarm(this.#now);
    else if (this.#drain.isTooMuch(this.#parser.bodyBytes)) this.#endDrain();
  }

  /** The head of the response is there, and perhaps all of it. */
  #answer(bytes: Buffer, end: number, length: number): void {
    const exchange = this.#exchange as Exchange;
    const { framing, head } = this.#parser;
    if (framing === 'tunnel') {
      this.#handOver(exchange, bytes.subarray(end, length));
      return;
    }
    this.#reusable = this.#persistence.after(this.#head as RequestHead, this.#parser, this.served);
    // RFC 9112 §9.5: who answers with anything but success before it has the body does not want it. What waits for 100 is not sent.
    if (this.#sender.sending && (head.status >= 300 || this.#sender.awaitingContinue))
      this.#stopSending();
    const { from, to, complete, trailers } = this.#arrival;
    if (complete && trailers === null) {
      // `bytes` is the socket's, and will be read into again.
      const whole = from === to ? EMPTY : Buffer.allocUnsafe(to - from);
      if (from !== to) bytes.copy(whole, 0, from, to);
      const response = receivedResponse(this.#parser, exchange, whole, this.#now);
      this.#complete(end < length);
      exchange.answer(response);
      return;
    }
    this.#become('receiving');
    const body = new IncomingBody(this, typeof framing === 'number' ? framing : null);
    this.#arrival.body = body;
    if (to > from) this.#arrival.onBody(bytes, from, to);
    const scoped = ScopedBody.of(body, () => this.#onDropped(exchange));
    const response = receivedResponse(this.#parser, exchange, scoped, this.#now);
    if (complete) this.#complete(end < length);
    else this.#setAlarm(this.#now);
    exchange.answer(response);
  }

  /** The response is complete. `more`: bytes came behind it, which belong to nothing. */
  #complete(more: boolean): void {
    const { body, trailers } = this.#arrival;
    if (this.#sender.sending) this.#stopSending();
    const reusable = this.#reusable && !more;
    this.#exchange?.finish();
    this.#letGo();
    body?.end(trailers);
    this.#drain.end();
    if (reusable) this.#becomeIdle();
    else this.#close();
  }

  /** The rest of the request is not sent: the server would take what comes next for it. */
  #stopSending(): void {
    this.#sender.stop();
    this.#reusable = false;
  }

  #handOver(exchange: Exchange, rest: Buffer): void {
    this.#become('handed-over');
    this.#alarm.stop();
    this.#letGo();
    exchange.finish();
    this.#owner.onClosed(this);
    const body = new UpgradedBody(this.#stream, this.#options.toDuplex, Buffer.from(rest));
    exchange.answer(receivedResponse(this.#parser, exchange, body, this.#now));
  }

  #onDropped(exchange: Exchange): void {
    this.#owner.onDropped(exchange);
    void this.abandon();
  }

  /** It is too much, or takes too long: the connection is given up as well. */
  #endDrain(): void {
    this.#fail(new Error('the response was closed'));
  }

  // ── the end of an exchange, and of the connection ─────────────────────────────────────────────

  /** Lets go of the exchange. */
  #letGo(): void {
    this.#sender.stop();
    this.#exchange = null;
    this.#head = null;
    this.#arrival.body = null;
  }

  #becomeIdle(): void {
    this.#become('idle');
    this.#idleSince = this.#now;
    this.#alarm.clear();
    this.#owner.onAvailable(this, this.#now);
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#shut();
    this.#owner.onClosed(this);
  }

  #shut(): void {
    this.#become('closed');
    this.#alarm.stop();
    this.#stream.destroy();
  }

  #become(state: ConnectionState): void {
    this.#state = moved(this.#state, state);
  }

  // ── failure ───────────────────────────────────────────────────────────────────────────────────

  /** The peer is gone, or of no use any more. What that means for an exchange depends on how far it has come. */
  #onGone(cause: Error): void {
    const exchange = this.#exchange;
    if (exchange === null) {
      this.#close();
      return;
    }
    const unsent = this.#state === 'checking';
    const failure = broken(exchange, cause, this.#facts());
    if (!unsent && (this.#heard || !this.#kept)) {
      this.#fail(failure);
      return;
    }
    // It was dead before the request came to it, as far as can be told: the owner may have another.
    this.#letGo();
    this.#shut();
    if (this.#owner.onStale(exchange, this, unsent)) return;
    exchange.fail(failure);
    this.#owner.onClosed(this);
  }

  #onParseError(error: Error): void {
    const exchange = this.#exchange as Exchange;
    // What is not the parser's word is an error of the caller's own `onInformational`.
    this.#fail(error instanceof Violation ? broken(exchange, error, this.#facts()) : error);
  }

  /** Ends the exchange with this error, and the connection with it. */
  #fail(error: unknown): void {
    const exchange = this.#exchange;
    const { body } = this.#arrival;
    this.#letGo();
    this.#drain.end();
    this.#close();
    if (body === null) {
      exchange?.fail(error);
    } else {
      exchange?.finish();
      body.fail(error);
    }
  }

  #facts(): Circumstances {
    return {
      reused: this.served > 1,
      remoteAddress: this.remoteAddress,
      sending: this.#state === 'sending',
      bodyBytes: this.#arrival.headCame ? this.#parser.bodyBytes : null,
    };
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────

  /** Something has happened to the exchange: its bound is set anew. */
  #setAlarm(now: number): void {
    const exchange = this.#exchange;
    if (exchange !== null && this.#state !== 'draining') this.#bounds.set(now, exchange.timeouts);
  }

  #onAlarm(): void {
    const exchange = this.#exchange;
    if (this.#state === 'draining') {
      this.#endDrain();
    } else if (exchange === null) {
      this.#close();
    } else {
      const over = this.#bounds.look(performance.now(), exchange.timeouts);
      if (over === 'read') this.#fail(readTimeout(exchange, this.#facts()));
      if (over === 'write') this.#fail(writeTimeout(exchange, this.#facts()));
    }
  }
}
