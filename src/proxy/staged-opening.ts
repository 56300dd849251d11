import type { NetworkStream, Opening } from '../network/stream.ts';

/** What can be given up, once; nothing happens where it is over. */
export interface Cancellable {
  cancel(reason: Error): void;
}

/**
 * An attempt to open a stream that goes through several stages, one after the other: dialling, talking to a proxy, TLS. `cancel` ends the
 * present one, whichever it is, and each stage closes what it has begun.
 */
export class StagedOpening implements Opening {
  readonly stream: Promise<NetworkStream>;
  #stage: Cancellable | null = null;
  #reason: Error | null = null;
  #over = false;
  #reject!: (reason: unknown) => void;

  /** `run` enters each stage, waits for it, and answers the stream that comes out. Where it throws, it has closed what it had. */
  constructor(run: (opening: StagedOpening) => Promise<NetworkStream>) {
    this.stream = new Promise((resolve, reject) => {
      this.#reject = reject;
      run(this).then(
        (stream) => {
          this.#over = true;
          if (this.#reason === null) resolve(stream);
          else stream.destroy();
        },
        (error: unknown) => {
          this.#over = true;
          reject(error);
        },
      );
    });
    // One that is cancelled after its owner has gone is nobody's unhandled rejection.
    this.stream.catch(() => {});
  }

  /** Begins a stage; the one before is over. @throws the reason where the whole has been cancelled: the stage is, too, then. */
  enter<Stage extends Cancellable>(stage: Stage): Stage {
    if (this.#reason !== null) {
      stage.cancel(this.#reason);
      throw this.#reason;
    }
    this.#stage = stage;
    return stage;
  }

  cancel(reason: Error): void {
    if (this.#over || this.#reason !== null) return;
    this.#reason = reason;
    this.#stage?.cancel(reason);
    this.#reject(reason);
  }
}
