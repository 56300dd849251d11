import type { BodySource } from '../messages/body-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { WatchedSource } from '../messages/watched-source.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { Circuit, type BreakerSnapshot, type Stage, type Verdict } from './breaker/circuit.ts';
import type { BreakerOutcome } from './breaker/failure.ts';
import { BreakerOpenError } from './breaker/open-error.ts';
import { resolveSettings, type BreakerOptions, type BreakerSettings } from './breaker/settings.ts';

export type { BreakerChange, BreakerSnapshot, BreakerState } from './breaker/circuit.ts';
export { defaultIsFailure, type BreakerOutcome, type FailureTest } from './breaker/failure.ts';
export { BreakerOpenError } from './breaker/open-error.ts';
export { BREAKER_OPTION_NAMES, type BreakerOptions } from './breaker/settings.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** false: this request is sent whatever its circuit's state is, and counts for nothing there. */
    breaker?: boolean | undefined;
  }
}

/**
 * Keeps requests from a server that fails anyway. Each origin has a circuit of its own. Where too many of the last requests failed, it opens:
 * requests are refused at once, with a `BreakerOpenError` that says when to come again. After a while it lets a request through, and closes
 * where that succeeds.
 *
 * A response counts by its head, and as a failure after all where its body breaks off. What the caller aborts counts for nothing.
 * Place it inside of retries, so that it sees every attempt, and outside of a throttle, so that what is refused does not wait.
 */
export class BreakerMiddleware extends Middleware {
  override readonly role = 'breaker';
  readonly #settings: BreakerSettings;
  /** The one that was used last comes last. */
  readonly #circuits = new Map<string, Circuit>();

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: BreakerOptions = {}) {
    super(next);
    this.#settings = resolveSettings(options);
  }

  send(request: Request): Promise<Response> {
    if (request.extensions.breaker === false) return this.next.send(request);
    let circuit: Circuit;
    try {
      circuit = this.#circuitOf(request);
    } catch (error) {
      return Promise.reject(error);
    }
    const stage = circuit.admit();
    if (stage === null) return Promise.reject(refusal(request, circuit));
    return new Passage(request, circuit, stage, this.#settings).send(this.next);
  }

  /** The circuits there are, the one that was used last at the end. One whose time is over is open until a request comes. */
  snapshot(): readonly BreakerSnapshot[] {
    return Array.from(this.#circuits.values(), (circuit) => circuit.snapshot());
  }

  #circuitOf(request: Request): Circuit {
    const key = this.#settings.key(request);
    if (typeof key !== 'string')
      throw new TypeError(`breaker.key: expected it to give a string, got ${typeof key}`);
    let circuit = this.#circuits.get(key);
    if (circuit === undefined) {
      if (this.#circuits.size >= this.#settings.maxCircuits) this.#forgetOne();
      circuit = new Circuit(key, this.#settings);
    } else {
      this.#circuits.delete(key);
    }
    this.#circuits.set(key, circuit);
    return circuit;
  }

  /** The first that is closed, or the first where none is. */
  #forgetOne(): void {
    let forgotten: string | undefined;
    for (const [key, { state }] of this.#circuits) {
      forgotten ??= key;
      if (state !== 'closed') continue;
      forgotten = key;
      break;
    }
    this.#circuits.delete(forgotten as string);
  }
}

/** One request that a circuit has let through. */
class Passage {
  readonly #request: Request;
  readonly #circuit: Circuit;
  readonly #stage: Stage;
  readonly #settings: BreakerSettings;

  constructor(request: Request, circuit: Circuit, stage: Stage, settings: BreakerSettings) {
    this.#request = request;
    this.#circuit = circuit;
    this.#stage = stage;
    this.#settings = settings;
  }

  send(next: TransportLike): Promise<Response> {
    return next.send(this.#request).then(
      (response) => this.#answered(response),
      (error: unknown) => {
        this.#circuit.settle(this.#stage, verdictOf(this.#judge({ error })));
        throw error;
      },
    );
  }

  #answered(response: Response): Response | Promise<Response> {
    let failed: boolean | null;
    try {
      failed = this.#judge({ response });
    } catch (error) {
      return response.close().then(() => {
        throw error;
      });
    }
    this.#circuit.settle(this.#stage, verdictOf(failed));
    // After a failure the rest says nothing new; where HTTP is left, no body is to come.
    if (failed === true || response.isRead || this.#leavesHTTP(response)) return response;
    // What is not read is a source.
    const source = response.detach() as BodySource;
    return response.with({
      body: new WatchedSource(source, (end) => {
        if (end.how === 'broken' && this.#judge({ error: end.error }) === true)
          this.#circuit.settle(this.#stage, 'broken-body');
      }),
    });
  }

  /** An outcome that cannot be judged is nobody's failure: the place of a probe is free again. */
  #judge(outcome: BreakerOutcome): boolean | null {
    if (outcome.response === undefined && this.#request.signal?.aborted === true) return null;
    try {
      return this.#settings.isFailure(outcome);
    } catch (error) {
      this.#circuit.settle(this.#stage, 'neither');
      throw error;
    }
  }

  #leavesHTTP({ status }: Response): boolean {
    return status === 101 || this.#request.method === 'CONNECT';
  }
}

function verdictOf(failed: boolean | null): Verdict {
  if (failed === null) return 'neither';
  return failed ? 'failure' : 'success';
}

function refusal(request: Request, circuit: Circuit): BreakerOpenError {
  const retryAfter = Math.ceil(circuit.retryAfter());
  return new BreakerOpenError(
    circuit.state === 'open'
      ? `not sent, the circuit is open: too many requests failed; the next one is let through in ${retryAfter} ms`
      : `not sent, the circuit is half-open: it waits for the answer to another request, ${retryAfter} ms at most`,
    { request, retryAfter },
  );
}
