import { named, RequestError, type RequestErrorInit } from '../errors.ts';

/**
 * No credentials could be had for a request: a token endpoint gave none, a netrc file cannot be read. A refusal by the server itself
 * is no error but a response.
 */
export class AuthError extends RequestError {
  /** What a token endpoint calls it (RFC 6749 §5.2), such as `invalid_client`; null where it was something else. */
  readonly reason: string | null;
  static {
    named(this, 'AuthError', 'ERR_AUTH');
  }

  constructor(message: string, init: RequestErrorInit & { reason?: string | null }) {
    super(message, init);
    this.reason = init.reason ?? null;
  }
}
