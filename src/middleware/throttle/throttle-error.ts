import { named, TransportError, type RequestErrorInit } from '../../errors.ts';

/** The request was not let through, and not sent: too many wait already, or the limiter failed. */
export class ThrottleError extends TransportError {
  /** What it was limited by. Not shown, and not in the message unless it is the origin: a key of your own may be a secret. */
  declare readonly key: string;
  /** Requests that waited under this key. */
  readonly queued: number;
  /** Requests that were under way under this key. */
  readonly running: number;
  static {
    named(this, 'ThrottleError', 'ERR_THROTTLE');
  }

  constructor(
    message: string,
    init: RequestErrorInit & { key: string; queued: number; running: number },
  ) {
    super(message, init);
    Object.defineProperty(this, 'key', { value: init.key, configurable: true });
    this.queued = init.queued;
    this.running = init.running;
  }
}
