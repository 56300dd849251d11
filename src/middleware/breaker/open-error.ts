import { named, TransportError, type RequestErrorInit } from '../../errors.ts';

/** The circuit is open: nothing was sent. */
export class BreakerOpenError extends TransportError {
  /** Milliseconds until a request is let through again, at the time of the error. */
  readonly retryAfter: number;
  static {
    named(this, 'BreakerOpenError', 'ERR_BREAKER_OPEN');
  }

  constructor(message: string, init: RequestErrorInit & { retryAfter: number }) {
    super(message, init);
    this.retryAfter = init.retryAfter;
  }
}
