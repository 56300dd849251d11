import { bytesOf } from '../../cassette/body.ts';
import { failureFrom } from '../../cassette/failures.ts';
import { headersFrom } from '../../cassette/fields.ts';
import type { StoredInteraction, StoredResponse, StoredTiming } from '../../cassette/format.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import { Response } from '../../messages/response.ts';
import { DEFAULT_TIMEOUTS, resolveTimeouts } from '../../messages/timeout.ts';
import type { Call } from '../foreign/call.ts';
import { IncomingBody, type Incoming } from '../foreign/incoming-body.ts';
import { ReplayError } from './error.ts';

/** What was recorded, as what came for this request. `timing`: when it was to come then. The call lasts as long as the response. */
export async function answer(
  call: Call,
  { response, error }: StoredInteraction,
  timing: boolean,
): Promise<Response> {
  const { request } = call;
  if (error !== undefined) throw failureFrom(error, request);
  // The caller gave up then, and will now. As on a network, it has to wait for what never comes no longer than for a silent server.
  if (response === undefined)
    return await call.wait(new Promise<never>(() => {}), patience(request));
  const times = timing ? response.timing : undefined;
  if (times !== undefined) await call.wait(passed(call, times.head), call.timeouts.read);
  const bytes = bytesOf(response.body);
  const { status, statusText, httpVersion, trailers } = response;
  const whole =
    times === undefined && trailers === undefined && !response.cut && response.error === undefined;
  if (whole) call.finish();
  return new Response(status, {
    statusText,
    httpVersion,
    headers: headersOf(response, request, bytes),
    body: whole
      ? bytes
      : new IncomingBody(call, new Tape(call, response, bytes, times), (cause) => cause),
    request,
    elapsed: call.elapsed,
  });
}

/** The body may have been edited: its length is the one that it has. */
function headersOf(response: StoredResponse, { method }: Request, bytes: Uint8Array): Headers {
  const headers = headersFrom(response.headers);
  const { cut, error, status } = response;
  const bodyless = method === 'HEAD' || status === 204 || status === 304;
  return headers.has('content-length') && !bodyless && !cut && error === undefined
    ? headers.with('content-length', String(bytes.byteLength))
    : headers;
}

function patience({ timeout }: Request): number {
  return resolveTimeouts(timeout, DEFAULT_TIMEOUTS).read;
}

function passed(call: Call, delay: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delay);
    call.cleanUp(() => clearTimeout(timer));
  });
}

/** A body, piece by piece, up to the end that it had. */
class Tape implements Incoming {
  readonly #call: Call;
  readonly #response: StoredResponse;
  readonly #times: StoredTiming['pieces'];
  #bytes: Uint8Array;
  #place = 0;

  constructor(
    call: Call,
    response: StoredResponse,
    bytes: Uint8Array,
    times: StoredTiming | undefined,
  ) {
    this.#call = call;
    this.#response = response;
    this.#bytes = bytes;
    this.#times = times?.pieces ?? [];
  }

  async read(): Promise<Uint8Array | null> {
    const time = this.#times[this.#place++];
    if (time !== undefined) await passed(this.#call, time[0]);
    if (this.#bytes.byteLength === 0) return this.#end();
    // What does not fit what was recorded, since it was edited or compressed then, comes with the last piece.
    const size = this.#place < this.#times.length && time !== undefined ? time[1] : Infinity;
    const piece = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return piece;
  }

  cancel(): void {
    this.#bytes = this.#bytes.subarray(0, 0);
  }

  trailers(): Headers | null {
    const { trailers } = this.#response;
    return trailers === undefined ? null : headersFrom(trailers);
  }

  #end(): null {
    const { request } = this.#call;
    const { error, cut } = this.#response;
    if (error !== undefined) throw failureFrom(error, request);
    if (cut) {
      const message = 'the recording of the body ends here: the response was closed then';
      throw new ReplayError(message, { request });
    }
    return null;
  }
}
