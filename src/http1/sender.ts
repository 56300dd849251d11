import type { Exchange } from '../exchange.ts';
import type { ResolvedTimeouts } from '../messages/timeout.ts';
import type { NetworkStream } from '../network/stream.ts';
import { OutgoingBody } from './outgoing-body.ts';
import type { Pipeline } from './pipeline.ts';
import type { RequestHead } from './request-head.ts';
import { WriteProgress } from './write-progress.ts';

/** How long a body waits for 100 (Continue) before it is sent all the same, as RFC 9110 §10.1.1 asks for. Go and curl: 1 s. */
const CONTINUE_TIME = 1000;

/** What the sender reports to. */
export interface SenderEvents {
  /** The last byte of a body has been written. */
  onSent(): void;
  onSendFailed(error: unknown): void;
}

/**
 * Where the request is. 'flushing': all is written, but the operating system has not taken it all.
 *
 *     idle ─┬─▶ sent                                        the whole in one write
 *           ├─▶ awaiting-continue ─▶ body
 *           └─▶ body ─┬─▶ flushing ─▶ sent
 *                     └─▶ sent
 *     any ─ stop ─▶ idle
 */
type State = 'idle' | 'awaiting-continue' | 'body' | 'flushing' | 'sent';

/** Sends the requests of a connection, one after the other: head, body, and the waits between. */
export class Sender {
  readonly #stream: NetworkStream;
  readonly #events: SenderEvents;
  /** What has no body leaves through it, where there is one. */
  readonly #pipeline: Pipeline | null;
  readonly #progress: WriteProgress = new WriteProgress();
  #state: State = 'idle';
  #body: OutgoingBody | null = null;
  /** What the body has written, once that is all. */
  #written = 0;
  /** Until when to wait for 100. */
  #continueAt = 0;

  constructor(stream: NetworkStream, events: SenderEvents, pipeline: Pipeline | null) {
    this.#pipeline = pipeline;
    this.#stream = stream;
    this.#events = events;
  }

  /** Whether something of the request has not been written yet. */
  get sending(): boolean {
    return this.#state === 'awaiting-continue' || this.#state === 'body';
  }

  /** Whether there is a wait for the peer to take what is sent, or to say that it will. */
  get waiting(): boolean {
    return this.sending || this.#state === 'flushing';
  }

  get awaitingContinue(): boolean {
    return this.#state === 'awaiting-continue';
  }

  /** True where all of it has been written at once; else `onSent` will tell. @throws LocalProtocolError on a body that is not as announced. */
  begin(exchange: Exchange, head: RequestHead, now: number): boolean {
    if (this.#pipeline !== null && head.framing === 'none') {
      this.#pipeline.write(head.text);
      this.#state = 'sent';
      exchange.timeline?.sentWhole(head.text.length, 0);
      return true;
    }
    if (OutgoingBody.sendWhole(this.#stream, exchange, head)) {
      this.#state = 'sent';
      exchange.timeline?.sentWhole(head.text.length, head.length);
      return true;
    }
    exchange.timeline?.wroteHead(head.text.length);
    this.#stream.write(head.text);
    this.#body = new OutgoingBody(this.#stream, exchange, head);
    this.#state = 'awaiting-continue';
    this.#continueAt = now + CONTINUE_TIME;
    if (!head.expectContinue) this.sendBody(now);
    return false;
  }

  /** The server has said to go on, or has had the time to. */
  sendBody(now: number): void {
    const body = this.#body;
    if (this.#state !== 'awaiting-continue' || body === null) return;
    this.#state = 'body';
    this.#progress.begin(now, this.#taken);
    body.send().then(
      (complete) => {
        if (this.#body !== body || !complete) return;
        this.#body = null;
        this.#written = body.bytesWritten;
        this.#state = this.#stream.bytesPending > 0 ? 'flushing' : 'sent';
        this.#events.onSent();
      },
      (error: unknown) => {
        if (this.#body === body) this.#events.onSendFailed(error);
      },
    );
  }

  onDrain(): void {
    this.#body?.onDrain();
  }

  /** Sends no more of it. */
  stop(): void {
    this.#body?.stop();
    this.#body = null;
    this.#state = 'idle';
  }

  /** When to look whether the sending goes on, while `waiting`. */
  deadline(now: number, { write, read }: ResolvedTimeouts): number {
    return this.#state === 'awaiting-continue'
      ? this.#continueAt
      : this.#progress.next(now, write, read);
  }

  /** Looks: 'done' where there is nothing left to wait for, 'stuck' where the peer has taken no byte for the write timeout. */
  look(now: number, { write }: ResolvedTimeouts): 'waiting' | 'done' | 'stuck' {
    if (this.#state === 'awaiting-continue') {
      this.sendBody(now);
      return 'waiting';
    }
    if (this.#state === 'flushing' && this.#stream.bytesPending === 0) {
      this.#state = 'sent';
      return 'done';
    }
    const blocked = this.#state === 'flushing' || this.#body?.blocked === true;
    return this.#progress.isStuck(now, write, this.#taken, blocked) ? 'stuck' : 'waiting';
  }

  /** Bytes of the body that the operating system has taken, or less, but never more; those of the head are not counted. */
  get #taken(): number {
    return (this.#body?.bytesWritten ?? this.#written) - this.#stream.bytesPending;
  }
}
