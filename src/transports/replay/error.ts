import { named, RequestError } from '../../errors.ts';

/** A cassette has no answer to this request, or no more of it. It is no failure of the network: nothing is gained by trying again. */
export class ReplayError extends RequestError {
  static {
    named(this, 'ReplayError', 'ERR_REPLAY');
  }
}
