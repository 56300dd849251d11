import { Alarm } from '../../alarm.ts';
import {
  ClosedError,
  DeadlineError,
  ReadTimeoutError,
  type Phase,
  type RequestErrorInit,
} from '../../errors.ts';
import { unwatchAbort, watchAbort, type AbortListener } from '../../messages/abort-watch.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { resolveTimeouts, type ResolvedTimeouts } from '../../messages/timeout.ts';

/** No bound: for what goes on in this process. */
export const NO_TIMEOUTS: ResolvedTimeouts = {
  connect: Infinity,
  read: Infinity,
  write: Infinity,
  pool: Infinity,
};

/**
 * One request on its way through code that is not this library's, and that may never answer: waits for it no longer than the request
 * lasts. What ends a call from this side is the caller's signal, a timeout, the deadline, or the transport being closed.
 *
 *     under way ─┬─▶ finished   nothing more will come of it
 *                └─▶ ended      by a reason, with which all waits reject
 */
export class Call implements AbortListener {
  readonly request: Request;
  readonly timeouts: ResolvedTimeouts;
  readonly #started: number = performance.now();
  readonly #controller: AbortController = new AbortController();
  readonly #alarm: Alarm = new Alarm(() => this.#onAlarm());
  readonly #onOver: (call: Call) => void;
  readonly #cleanUps: (() => void)[] = [];
  #over = false;
  #failure: { readonly reason: unknown } | null = null;
  /** The wait under way, and how long it may last in milliseconds. */
  #reject: ((reason: unknown) => void) | null = null;
  #bound = Infinity;

  constructor(request: Request, timeouts: ResolvedTimeouts, onOver: (call: Call) => void) {
    this.request = request;
    this.timeouts = timeouts;
    this.#onOver = onOver;
    if (request.signal !== null) watchAbort(request.signal, this);
    this.#setAlarm(Infinity);
  }

  /** Aborted when the call is ended: for the code outside. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds since the start. */
  get elapsed(): number {
    return performance.now() - this.#started;
  }

  /** Why it was ended; null where it was not. */
  get failure(): { readonly reason: unknown } | null {
    return this.#failure;
  }

  /** What errors about this call have in common. */
  describe(phase: Phase, cause?: unknown): RequestErrorInit {
    return { request: this.request, phase, elapsed: this.elapsed, cause };
  }

  /** Done when the call is over, in whichever way. */
  cleanUp(action: () => void): void {
    if (this.#over) action();
    else this.#cleanUps.push(action);
  }

  /**
   * What the code outside answers, unless the call is ended first: rejects with the reason then, and what comes all the same goes to
   * `discard`. One wait at a time. `bound`: milliseconds, for a `ReadTimeoutError`.
   */
  wait<T>(answer: PromiseLike<T>, bound = Infinity, discard?: (late: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure.reason);
      else {
        this.#reject = reject;
        this.#bound = bound;
        this.#setAlarm(bound);
      }
      answer.then(
        (value) => {
          if (this.#failure !== null) discard?.(value);
          else this.#settled();
          resolve(value);
        },
        (error: unknown) => {
          if (this.#failure === null) this.#settled();
          reject(error);
        },
      );
    });
  }

  /** The code outside waits for us: that does not count as its time. */
  hold(): void {
    this.#setAlarm(Infinity);
  }

  /** It is the turn of the code outside again. */
  release(): void {
    if (!this.#over && this.#reject !== null) this.#setAlarm(this.#bound);
  }

  /** Nothing more will come of it: nothing is held on to. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#alarm.stop();
    if (this.request.signal !== null) unwatchAbort(this.request.signal, this);
    this.#onOver(this);
    for (const action of this.#cleanUps) action();
  }

  /** Ends it, if it is not over: the code outside is told, and whoever waits gets the reason. */
  end(reason: unknown): void {
    if (this.#over) return;
    this.#failure = { reason };
    this.#reject?.(reason);
    this.#reject = null;
    this.#controller.abort(reason);
    this.finish();
  }

  onAbort(reason: unknown): void {
    this.end(reason);
  }

  #settled(): void {
    this.#reject = null;
    if (!this.#over) this.#setAlarm(Infinity);
  }

  #setAlarm(bound: number): void {
    const { expiresAt = Infinity } = this.request.extensions;
    const at = Math.min(expiresAt, bound === Infinity ? Infinity : performance.now() + bound);
    if (at === Infinity) this.#alarm.clear();
    else this.#alarm.set(at);
  }

  #onAlarm(): void {
    const { expiresAt = Infinity } = this.request.extensions;
    const message = `nothing received for ${this.#bound} ms (read timeout)`;
    this.end(
      performance.now() >= expiresAt
        ? new DeadlineError('not done by its deadline', this.describe('read'))
        : new ReadTimeoutError(message, this.describe('read')),
    );
  }
}

/** What can be ended from outside. */
export interface Endable {
  end(reason: unknown): void;
}

/** The longest that a timer can wait. */
const LONG = 2 ** 31 - 1;

/** How long what is under way has to end when its transport is closed: as the pool has it. */
export const CLOSE_TIME = 5000;

/** The requests that are under way in a transport, and the end of all of them. */
export class Calls<T extends Endable = Call> {
  readonly #what: string;
  readonly #underWay: Set<T> = new Set();
  #closed: Promise<void> | null = null;
  #empty: (() => void) | null = null;
  /** Keeps the process alive while something is under way: there may be no socket that does, and timeouts do not. */
  #presence: ReturnType<typeof setInterval> | null = null;

  /** `what` is closed, in the words of a `ClosedError`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** @throws ClosedError after `close`. @throws the signal's reason, where it is aborted already. */
  admit(request: Request): void {
    if (this.#closed !== null) throw this.#error(`${request.toString()}: `);
    request.signal?.throwIfAborted();
  }

  add(call: T): void {
    this.#underWay.add(call);
    this.#presence ??= setInterval(() => {}, LONG);
  }

  delete(call: T): void {
    if (!this.#underWay.delete(call) || this.#underWay.size > 0) return;
    if (this.#presence !== null) clearInterval(this.#presence);
    this.#presence = null;
    this.#empty?.();
  }

  /** Resolves when nothing is under way any more. What takes more than `time` milliseconds fails with `ClosedError`. */
  close(time: number = CLOSE_TIME): Promise<void> {
    return (this.#closed ??= this.#end(time));
  }

  async #end(time: number): Promise<void> {
    if (this.#underWay.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#empty = resolve));
    const alarm = new Alarm(() => this.#cutOff());
    if (time === 0) this.#cutOff();
    else alarm.set(performance.now() + time);
    await empty;
    alarm.stop();
  }

  #cutOff(): void {
    for (const call of Array.from(this.#underWay)) call.end(this.#error(''));
  }

  #error(prefix: string): ClosedError {
    return new ClosedError(`${prefix}${this.#what} is closed`);
  }
}

/**
 * One request, from being admitted to its response: `run` does what there is to do, and a failure of it ends the call. `timeouts` are for a
 * request that brings none. Rejects as `Calls.admit` throws, and as `run` does.
 */
export async function underWay(
  calls: Calls,
  request: Request,
  timeouts: ResolvedTimeouts,
  run: (call: Call) => Promise<Response>,
): Promise<Response> {
  calls.admit(request);
  const resolved = resolveTimeouts(request.timeout, timeouts);
  const call = new Call(request, resolved, (over) => calls.delete(over));
  calls.add(call);
  try {
    return await run(call);
  } catch (error) {
    call.end(error);
    throw error;
  }
}
