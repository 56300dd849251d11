import { Alarm } from '../alarm.ts';
import { ResponseParser, type ParserEvents } from '../http1/parser.ts';
import { Persistence } from '../http1/persistence.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { explainConnectFailure, explainTLSFailure } from '../network/failure-text.ts';
import type { NetworkStream, StreamReceiver } from '../network/stream.ts';
import type { ConnectAnswer } from './refusal.ts';
import type { Cancellable } from './staged-opening.ts';

/** What CONNECT has come to. */
export interface Outcome extends ConnectAnswer {
  /** The stream is a tunnel now, on which these bytes have come; null: it is not one. */
  readonly early: Uint8Array | null;
  /** Another CONNECT may follow on this connection. */
  readonly reusable: boolean;
}

/** No answer came: the connection broke, or what came is not HTTP. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** Not a byte of it: where the connection was not new, it may have been closed before the request came to it. */
  readonly silent: boolean;

  constructor(message: string, silent: boolean) {
    super(message);
    this.silent = silent;
  }
}

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** The start of a refusal's body: for the error, and for a scheme that wants to see it. */
const KEPT_BYTES = 4096;
/** A refusal is read to its end, so that the next CONNECT can follow on its connection, up to this much and this long: as in DESIGN §4. */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_TIME = 100;
const NOTHING = Buffer.alloc(0);

/** One connection to a proxy, as long as it is asked for a tunnel: CONNECT (RFC 9110 §9.3.6), once or, where it asks for credentials, again. */
export class ConnectDialogue implements Cancellable, StreamReceiver, ParserEvents {
  /** How often it has been asked. */
  asked = 0;
  readonly stream: NetworkStream;
  readonly #parser: ResponseParser = new ResponseParser(this);
  readonly #persistence: Persistence = new Persistence();
  readonly #alarm: Alarm = new Alarm(() => this.#answer(false));
  #waiting: Waiting | null = null;
  #head: RequestHead | null = null;
  #state: 'head' | 'body' | 'complete' = 'complete';
  #body: Buffer[] = [];
  #closed: Error | null = null;

  /** To be made in the turn in which the stream was opened. */
  constructor(stream: NetworkStream) {
    this.stream = stream;
    stream.ref();
    stream.attach(this);
  }

  /** Rejects with a `NoAnswer`, or with the reason given to `cancel`. */
  ask(head: RequestHead): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#closed !== null) {
        this.#fail(this.#closed);
        return;
      }
      this.asked++;
      this.#head = head;
      this.#state = 'head';
      this.#body = [];
      this.#parser.begin('CONNECT', false);
      this.stream.write(head.text);
    });
  }

  cancel(reason: Error): void {
    this.#fail(reason);
  }

  /** It is of no more use. */
  close(): void {
    this.#closed ??= new NoAnswer('the connection was closed', true);
    this.#alarm.stop();
    this.stream.destroy();
  }

  // ── the stream ────────────────────────────────────────────────────────────────────────────────

  onBytes(buffer: Uint8Array, length: number): boolean {
    if (this.#waiting === null) {
      // An answer to nothing: what comes behind it could be taken for the next one.
      this.close();
      return false;
    }
    const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, length);
    let end: number;
    try {
      end = this.#parser.push(bytes, 0, length);
    } catch (error) {
      const { message } = error as Error;
      this.#fail(new NoAnswer(`what it answered is not HTTP: ${message}`, false));
      return false;
    }
    if (this.#parser.state === 'tunnel') this.#open(Buffer.from(bytes.subarray(end)));
    else if (this.#state === 'complete') this.#answer(end === length);
    else if (this.#parser.bodyBytes > DRAIN_BYTES) this.#answer(false);
    return true;
  }

  nextBuffer(): undefined {
    return undefined;
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#waiting === null) {
      this.close();
      return;
    }
    if (this.#state === 'body') this.#answer(false);
    else this.#onGone('it closed the connection');
  }

  onClose(error: Error | undefined): void {
    if (this.#state === 'body' && this.#waiting !== null) this.#answer(false);
    else this.#onGone(error === undefined ? 'the connection was closed' : explain(error));
  }

  // ── the parser ────────────────────────────────────────────────────────────────────────────────

  onInformational(): void {}

  onHead({ framing }: ResponseParser): void {
    this.#state = 'body';
    if (framing !== 'tunnel') this.#alarm.set(performance.now() + DRAIN_TIME);
  }

  onBody(bytes: Buffer, from: number, to: number): void {
    const room = KEPT_BYTES - this.#body.reduce((sum, piece) => sum + piece.length, 0);
    if (room > 0) this.#body.push(Buffer.from(bytes.subarray(from, Math.min(to, from + room))));
  }

  onComplete(): void {
    this.#state = 'complete';
  }

  // ── what it comes to ──────────────────────────────────────────────────────────────────────────

  #open(early: Buffer): void {
    this.#settle()?.resolve({ ...this.#seen(), early, reusable: false });
  }

  /** A refusal, or the start of one. `whole`: it has come to its end, and nothing behind it. */
  #answer(whole: boolean): void {
    const reusable =
      whole && this.#persistence.after(this.#head as RequestHead, this.#parser, this.asked);
    const seen = this.#seen();
    if (!reusable) this.close();
    this.#settle()?.resolve({ ...seen, early: null, reusable });
  }

  #seen(): ConnectAnswer {
    const { head, headers } = this.#parser;
    const body = this.#body.length === 0 ? NOTHING : Buffer.concat(this.#body);
    return { status: head.status, statusText: head.statusText, headers, body };
  }

  #onGone(why: string): void {
    this.#fail(new NoAnswer(why, !this.#parser.started));
  }

  #fail(reason: Error): void {
    this.close();
    this.#settle()?.reject(reason);
  }

  #settle(): Waiting | null {
    this.#alarm.stop();
    const waiting = this.#waiting;
    this.#waiting = null;
    return waiting;
  }
}

/** What broke the connection: `read ECONNRESET`, or what OpenSSL means. */
function explain(error: Error): string {
  return 'library' in error ? explainTLSFailure(error) : explainConnectFailure(error);
}
