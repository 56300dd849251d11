import { Alarm } from '../alarm.ts';
import type { RequestError } from '../errors.ts';
import type { Connection, ConnectionOwner, Exchange } from '../exchange.ts';
import type { NetworkStream, StreamReceiver } from '../network/stream.ts';
import { Arrival } from './arrival.ts';
import { Bounds } from './bounds.ts';
import { moved, type ConnectionState } from './connection-state.ts';
import { Drain } from './drain.ts';
import { broken, givenUp, readTimeout, writeTimeout, type Circumstances } from './failures.ts';
import { afterPoll, isCheap, isLongIdle } from './idle-check.ts';
import type { BodyFlow } from './incoming-body.ts';
import { headOf, type Http1Options } from './options.ts';
import { Persistence, type KeepAlive } from './persistence.ts';
import { Pipeline, type Written } from './pipeline.ts';
import { receivedResponse, scopedResponse, wholeResponse } from './received-response.ts';
import type { RequestHead } from './request-head.ts';
import { UpgradedBody } from './scoped-body.ts';
import { Sender, type SenderEvents } from './sender.ts';
import { Violation } from './violation.ts';

const EMPTY = Buffer.alloc(0);

/** One HTTP/1.1 connection: an exchange at a time, one after the other; with pipelining, the next may have been sent already. */
export class Http1Connection implements Connection, StreamReceiver, SenderEvents, BodyFlow {
  readonly protocol = 'http/1.1';
  readonly opened: number = performance.now();
  readonly remoteAddress: string | undefined;
  served = 0;

  readonly #stream: NetworkStream;
  readonly #owner: ConnectionOwner;
  readonly #options: Http1Options;
  readonly #alarm: Alarm = new Alarm(() => this.#onAlarm());
  readonly #persistence: Persistence = new Persistence();
  readonly #sender: Sender;
  readonly #arrival: Arrival;
  readonly #bounds: Bounds;
  #drain: Drain | null = null;
  readonly #pipeline: Pipeline | null;
  #state: ConnectionState = 'idle';
  #idleSince: number = performance.now();
  /** The time of the event that is being dealt with: read once for each. */
  #now = 0;

  // The exchange under way.
  current: Exchange | null = null;
  #head: RequestHead | null = null;
  /** The connection was not new when the exchange came to it: the server may have closed it meanwhile. */
  #kept = false;
  /** The connection can be used again when the response is complete. */
  #reusable = false;

  constructor(stream: NetworkStream, owner: ConnectionOwner, options: Http1Options) {
    this.#stream = stream;
    this.remoteAddress = stream.remoteAddress;
    this.#owner = owner;
    this.#options = options;
    this.#arrival = new Arrival(options.limits, (interim) => {
      if (interim.status === 100) this.#sender.sendBody(this.#now);
      this.current?.request.extensions.onInformational?.(interim);
    });
    this.#pipeline = options.pipelining > 1 ? new Pipeline(stream, options.pipelining) : null;
    this.#sender = new Sender(stream, this, this.#pipeline);
    this.#bounds = new Bounds(this.#alarm, this.#sender, this.#arrival);
    stream.attach(this);
  }

  get keepAlive(): KeepAlive {
    return this.#persistence.keepAlive;
  }

  get room(): number {
    if (this.#state === 'idle') return 1;
    const isOpen = this.#state === 'waiting' || (this.#state === 'receiving' && this.#reusable);
    return isOpen && this.#pipeline !== null ? this.#pipeline.room : 0;
  }

  takes(exchange: Exchange): boolean {
    return this.#state === 'idle' || Pipeline.admits(exchange);
  }

  send(exchange: Exchange): void {
    let head: RequestHead;
    try {
      head = headOf(exchange, this.#options);
    } catch (error) {
      exchange.fail(error);
      this.#owner.onAvailable(this, this.#idleSince);
      return;
    }
    exchange.holder = this;
    if (this.current !== null) {
      this.served++;
      this.#pipeline?.push({ exchange, head });
      this.#offer();
      return;
    }
    this.current = exchange;
    this.#head = head;
    this.#now = performance.now();
    const longIdle = isLongIdle(this.#now - this.#idleSince);
    this.#kept = longIdle || this.served > 0;
    if (longIdle || (this.#kept && !isCheap(exchange.request.method))) {
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
    if (exchange !== this.current) {
      // It has been sent. When its answer is next, the connection ends.
      this.#pipeline?.close();
      exchange.fail(reason);
      return;
    }
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
    if (this.current === null) this.#close();
    else this.#fail(error);
  }

  onBytes(buffer: Uint8Array, length: number): boolean {
    const bytes = buffer as Buffer;
    if (this.current === null || this.#state === 'checking') {
      // An answer to nothing: what comes behind it could be taken for the next response (RFC 9112 §9.2).
      this.#onGone(new Violation('bytes came that no request had asked for'));
      return false;
    }
    this.#now = performance.now();
    let end = 0;
    do {
      if (!this.#arrival.heard) this.current?.timeline?.heard(this.#now);
      try {
        end = this.#arrival.push(bytes, end, length);
      } catch (error) {
        // What is not the parser's word is an error of the caller's own `onInformational`.
        this.#fail(error instanceof Violation ? this.#broken(error) : error);
        return false;
      }
      // The caller's own `onInformational` may have ended it.
      if (this.current === null) return false;
      this.#afterPush(bytes, end, length);
      // Behind a response there may be the one to the next request, if that has been sent.
    } while (end < length && this.#state === 'waiting');
    return this.#arrival.hungry && this.#state !== 'handed-over';
  }

  nextBuffer(): Uint8Array | undefined {
    // A body's own memory is for no other's bytes.
    const isAlone = this.#state === 'receiving' && this.#pipeline === null;
    return this.#arrival.memory(this.#options.readBuffer, isAlone);
  }

  onDrain(): void {
    this.#sender.onDrain();
  }

  onEnd(): void {
    if (this.#state === 'handed-over') return;
    if (this.current === null || this.#state === 'checking') {
      this.#onGone(new Violation('the server closed the connection while it was idle'));
      return;
    }
    try {
      this.#arrival.parser.finish();
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

  resume(): void {
    if (this.#state !== 'receiving') return;
    this.#arrival.hungry = true;
    this.#setAlarm(performance.now());
    this.#stream.resume();
  }

  abandon(): Promise<void> {
    this.current?.timeline?.closed();
    const { framing, bodyBytes } = this.#arrival.parser;
    const reads = this.#state === 'receiving' && this.#reusable && !this.#sender.sending;
    const drains = reads && Drain.pays(framing, bodyBytes);
    const closed = givenUp(this.current as Exchange);
    this.#arrival.body?.abort(closed);
    if (!drains) return Promise.resolve(this.#fail(closed));
    this.#arrival.hungry = true;
    this.#become('draining');
    this.#drain ??= new Drain();
    this.#alarm.set(this.#drain.begin(bodyBytes, performance.now()));
    this.#stream.resume();
    return this.#drain.wait();
  }

  onDropped(exchange: Exchange): void {
    this.#owner.onDropped(exchange);
    void this.abandon();
  }

  static #checked(this: void, connection: Http1Connection, exchange: Exchange): void {
    if (connection.#state === 'checking' && connection.current === exchange) {
      connection.#now = performance.now();
      connection.#write(exchange, connection.#head as RequestHead);
    }
  }

  #write(exchange: Exchange, head: RequestHead): void {
    this.served++;
    this.#become('sending');
    this.#expect(exchange, head);
    try {
      if (this.#sender.begin(exchange, head, this.#now)) this.#become('waiting');
    } catch (error) {
      this.#fail(error);
    }
    this.#setAlarm(this.#now);
    this.#offer();
  }

  /** It is this exchange's response that comes next. */
  #expect(exchange: Exchange, head: RequestHead): void {
    this.#pipeline?.begin(exchange, this.served > 1 && this.#arrival.parser.head.minorVersion > 0);
    this.#arrival.begin(exchange, head);
  }

  onSent(): void {
    if (this.#state === 'sending') this.#become('waiting');
    this.#setAlarm(performance.now());
  }

  onSendFailed(error: unknown): void {
    this.#fail(error);
  }

  /** Looks at what one push has brought. `bytes[end..length)` is beyond the response. */
  #afterPush(bytes: Buffer, end: number, length: number): void {
    const { headCame, body, complete } = this.#arrival;
    if (headCame && body === null) this.#answer(bytes, end, length);
    else if (complete) this.#complete(end < length);
    else if (this.#state !== 'draining') this.#setAlarm(this.#now);
    else if (this.#drain?.isTooMuch(this.#arrival.parser.bodyBytes))
      this.#fail(givenUp(this.current as Exchange));
  }

  /** The head of the response is there, and perhaps all of it. */
  #answer(bytes: Buffer, end: number, length: number): void {
    const exchange = this.current as Exchange;
    const arrival = this.#arrival;
    const { parser } = arrival;
    if (parser.framing === 'tunnel') {
      this.#handOver(exchange, bytes.subarray(end, length));
      return;
    }
    this.#reusable = this.#persistence.after(this.#head as RequestHead, parser, this.served);
    // RFC 9112 §9.5: who answers with anything but success before it has the body does not want it. What waits for 100 is not sent.
    if (this.#sender.sending && (parser.head.status >= 300 || this.#sender.awaitingContinue))
      this.#stopSending();
    if (arrival.complete && arrival.trailers === null) {
      const response = wholeResponse(arrival, exchange, bytes, this.#now);
      this.#complete(end < length);
      exchange.answer(response);
      return;
    }
    this.#become('receiving');
    const response = scopedResponse(arrival, exchange, bytes, this.#now, this);
    if (arrival.complete) this.#complete(end < length);
    else this.#setAlarm(this.#now);
    exchange.answer(response);
  }

  /** The response is complete. `more`: bytes came behind it, which belong to nothing. */
  #complete(more: boolean): void {
    const { body, trailers } = this.#arrival;
    if (this.#sender.sending) this.#stopSending();
    const next = this.#pipeline?.next;
    const reusable = this.#reusable && (next === undefined ? !more : !next.exchange.finished);
    this.current?.finish();
    this.#letGo();
    body?.end(trailers);
    this.#drain?.end();
    if (!reusable) this.#close();
    else if (next === undefined) this.#becomeIdle();
    else this.#goOn(next);
  }

  /** The next request has been sent already. */
  #goOn({ exchange, head }: Written): void {
    this.#pipeline?.shift();
    this.current = exchange;
    this.#head = head;
    this.#become('waiting');
    this.#expect(exchange, head);
    this.#setAlarm(this.#now);
    this.#offer();
  }

  /** Others may be sent behind the exchange under way. */
  #offer(): void {
    if (this.#pipeline !== null && this.room > 0) this.#owner.onAvailable(this, this.#now);
  }

  /** The rest of the request is not sent: the server would take what comes next for it. */
  #stopSending(): void {
    this.#sender.stop();
    this.#reusable = false;
  }

  #handOver(exchange: Exchange, rest: Buffer): void {
    this.#become('handed-over');
    this.#alarm.stop();
    const body = new UpgradedBody(this.#stream, this.#options.toDuplex, Buffer.from(rest));
    const response = receivedResponse(this.#arrival.parser, exchange, body, this.#now);
    this.#letGo();
    exchange.finish();
    this.#owner.onClosed(this);
    exchange.answer(response);
  }

  /** Lets go of the exchange. */
  #letGo(): void {
    this.#sender.stop();
    this.current = null;
    this.#head = null;
    this.#arrival.forget();
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
    this.#orphan();
  }

  /** Those behind have had no answer, and not through any fault of theirs. */
  #orphan(): void {
    for (const each of this.#pipeline?.abandon() ?? []) this.#owner.onOrphaned(each);
  }

  #shut(): void {
    this.#become('closed');
    this.#alarm.stop();
    this.#stream.destroy();
  }

  #become(state: ConnectionState): void {
    this.#state = moved(this.#state, state);
  }

  /** The peer is gone, or of no use any more. What that means for an exchange depends on how far it has come. */
  #onGone(cause: Error): void {
    const exchange = this.current;
    if (exchange === null) {
      this.#close();
      return;
    }
    const unsent = this.#state === 'checking';
    const failure = this.#broken(cause);
    if (!unsent && (this.#arrival.heard || !this.#kept)) {
      this.#fail(failure);
      return;
    }
    // It was dead before the request came to it, as far as can be told: the owner may have another.
    this.#letGo();
    this.#shut();
    if (!this.#owner.onStale(exchange, this, unsent)) {
      exchange.fail(failure);
      this.#owner.onClosed(this);
    }
    this.#orphan();
  }

  #broken(cause: Error): RequestError {
    return broken(this.current as Exchange, cause, this.#facts());
  }

  /** Ends the exchange with this error, and the connection with it. */
  #fail(error: unknown): void {
    const exchange = this.current;
    const { body } = this.#arrival;
    this.#letGo();
    this.#drain?.end();
    this.#close();
    if (body === null) {
      exchange?.fail(error);
    } else {
      exchange?.breakOff(error);
      body.fail(error);
    }
  }

  #facts(): Circumstances {
    return {
      reused: this.served > 1,
      remoteAddress: this.remoteAddress,
      sending: this.#state === 'sending',
      bodyBytes: this.#arrival.bodyBytes,
    };
  }

  /** Something has happened to the exchange: its bound is set anew. */
  #setAlarm(now: number): void {
    const exchange = this.current;
    if (exchange !== null && this.#state !== 'draining') this.#bounds.set(now, exchange.timeouts);
  }

  #onAlarm(): void {
    const exchange = this.current;
    if (exchange === null) {
      this.#close();
    } else if (this.#state === 'draining') {
      this.#fail(givenUp(exchange));
    } else {
      const over = this.#bounds.look(performance.now(), exchange.timeouts);
      if (over === 'read') this.#fail(readTimeout(exchange, this.#facts()));
      else if (over === 'write') this.#fail(writeTimeout(exchange, this.#facts()));
    }
  }
}
