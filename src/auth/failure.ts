import { RequestError, type RequestErrorInit } from '../errors.ts';

/**
 * No credentials could be had for a request: a token endpoint gave none, a netrc file cannot be read. A refusal by the server itself
 * is no error but a response.
 */
export class AuthError extends RequestError {
  /** What a token endpoint calls it (RFC 6749 §5.2), such as `invalid_client`; null where it was something else. */
  readonly reason: string | null;

  constructor(message: string, init: RequestErrorInit & { reason?: string | null }) {
    super(message, init);
    this.reason = init.reason ?? null;
  }

  static {
    // As in the tree: on the prototype, the same for every instance.
    Object.defineProperty(this.prototype, 'name', {
      value: 'AuthError',
      configurable: true,
      writable: true,
    });
    // A code of its own: one of Node's or of the tree's would say something else.
    Object.defineProperty(this.prototype, 'code', {
      value: 'ERR_AUTH',
      configurable: true,
      enumerable: true,
    });
  }
}
