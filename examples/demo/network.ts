import {
  SocketBackend,
  type NetworkBackend,
  type NetworkTarget,
  type Opening,
  type StreamTimings,
} from '../../src/index.ts';

/** Opens sockets as the pool would, and notes when: the same idea as `watch`, one floor below the pool. */
export class WatchedNetwork implements NetworkBackend {
  /** Of every connection so far, in the order in which they were there. */
  readonly opened: StreamTimings[] = [];
  readonly #sockets = new SocketBackend();

  open(target: NetworkTarget): Opening {
    const opening = this.#sockets.open(target);
    // A failure is for the pool to tell.
    opening.stream.then(
      (stream) => this.opened.push(stream.timings),
      () => {},
    );
    return opening;
  }

  close(): void {
    this.#sockets.close();
  }
}
