import { DecodingError } from '../errors.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { ACCEPT_ENCODING, codingsIn, type Coding } from './decode/codings.ts';
import type { Bounds } from './decode/decoded-source.ts';

export { ACCEPT_ENCODING };

/** How much may come out of a compressed body. Sizes are in bytes. Where more does, it is a `DecodingError`. */
export interface DecodeBounds {
  /** Decoded bytes. null (default): no bound. A body that is not encoded is not counted. */
  maxSize?: number | null | undefined;
  /** Decoded bytes for each one on the wire; looked at from 10 MiB of decoded bytes on. Default 1,000; null: no bound. */
  maxRatio?: number | null | undefined;
}

/** How responses are decoded. */
export interface DecodeOptions extends DecodeBounds {
  /** Whether `Accept-Encoding` is added to a request that has none. Default true. What comes encoded is decoded all the same. */
  advertise?: boolean | undefined;
}

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: nothing asked for and nothing decoded (false), or decoded within these bounds. */
    decode?: boolean | DecodeBounds | undefined;
  }
}

/** The options by name. */
export const DECODE_BOUND_NAMES: readonly string[] = ['maxSize', 'maxRatio'];
export const DECODE_OPTION_NAMES: readonly string[] = [...DECODE_BOUND_NAMES, 'advertise'];

/** Nobody needs more, and each one multiplies what a bomb can do. undici and httpx2 draw the line here too. */
const MAX_CODINGS = 5;

/**
 * DEFLATE ends at 1,032, and comes near that with one byte over and over, as bombs are made: data that says something stays far below.
 * brotli, zstd and codings one over the other reach millions.
 */
const DEFAULTS: Bounds = { maxSize: null, maxRatio: 1000 };

/**
 * Asks for compressed responses and decodes them: gzip, deflate, br, and zstd where this Node has it (22.15, 23.8), up to five one over the
 * other. The headers stay as they came, as in Fetch: Content-Encoding and Content-Length tell of the body as it was on the wire, which
 * `response.iterRaw()` has. A body with a coding that is not known is left as it is.
 *
 * Place it outside of a cache, which keeps bodies as they came, and inside of retries and redirects, whose discarded responses are then never
 * decoded. Reading a body rejects with a `DecodingError` where it is cut short, is not what Content-Encoding says, or breaks a bound;
 * `send` does where there are more than five codings.
 */
export class DecodeMiddleware extends Middleware {
  override readonly role = 'decoding';
  readonly #bounds: Bounds;
  readonly #advertise: boolean;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: DecodeOptions = {}) {
    super(next);
    const { advertise = true } = options;
    if (typeof advertise !== 'boolean')
      throw new TypeError(`decode.advertise: expected true or false, got ${typeof advertise}`);
    this.#bounds = resolve(options, DEFAULTS);
    this.#advertise = advertise && ACCEPT_ENCODING !== '';
  }

  send(request: Request): Promise<Response> {
    const choice = request.extensions.decode;
    if (choice === false) return this.next.send(request);
    let bounds = this.#bounds;
    try {
      if (choice !== undefined && choice !== true) bounds = resolve(choice, this.#bounds);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.next.send(this.#advertise ? asking(request) : request).then((response) => {
      const encoding = response.headers.get('content-encoding');
      return encoding === null || !mayHaveBody(request, response)
        ? response
        : decoded(request, response, encoding, bounds);
    });
  }
}

/** As Fetch has it, a part is asked for as it is: what is cut out of a compressed body cannot be decoded. */
function asking(request: Request): Request {
  const { headers } = request;
  if (headers.has('accept-encoding')) return request;
  return request.with({
    headers: headers.withAppended(
      'accept-encoding',
      headers.has('range') ? 'identity' : ACCEPT_ENCODING,
    ),
  });
}

/** Whether there is a body, or after CONNECT and 101 a connection, that Content-Encoding is about (RFC 9110 §6.4.1). */
function mayHaveBody({ method }: Request, { status }: Response): boolean {
  return (
    method !== 'HEAD' && method !== 'CONNECT' && status >= 200 && status !== 204 && status !== 304
  );
}

/** What undoes codings, once a response has needed it: most programs never do. */
let decoding: typeof import('./decode/decoded-source.ts') | undefined;

async function decoded(
  request: Request,
  response: Response,
  encoding: string,
  bounds: Bounds,
): Promise<Response> {
  const codings = codingsIn(encoding);
  if (codings === null || codings.length === 0) return response;
  if (codings.length > MAX_CODINGS) {
    await response.close();
    throw new DecodingError(
      `the body has ${codings.length} content codings, and ${MAX_CODINGS} are undone`,
      { request },
    );
  }
  const { DecodedSource, WholeBody } = (decoding ??= await import('./decode/decoded-source.ts'));
  const body = response.detach();
  const inMemory = body instanceof Uint8Array;
  let source = inMemory ? new WholeBody(body) : body;
  const within: Bounds = { maxSize: null, maxRatio: bounds.maxRatio };
  for (let i = codings.length - 1; i >= 0; i--) {
    source = new DecodedSource(
      source,
      codings[i] as Coding,
      request,
      i === 0 ? bounds : within,
      inMemory,
    );
  }
  return response.with({ body: source });
}

function resolve(options: DecodeBounds, defaults: Bounds): Bounds {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `decode: expected true, false or { maxSize, maxRatio }, got ${options === null ? 'null' : typeof options}`,
    );
  }
  const { maxSize = defaults.maxSize, maxRatio = defaults.maxRatio } = options;
  if (maxSize !== null && (!Number.isInteger(maxSize) || maxSize < 1)) {
    throw new TypeError(
      `decode.maxSize: expected a whole number of bytes from 1, or null, got ${String(maxSize)}`,
    );
  }
  if (maxRatio !== null && !(Number.isFinite(maxRatio) && maxRatio >= 1)) {
    throw new TypeError(
      `decode.maxRatio: expected a number from 1, or null, got ${String(maxRatio)}`,
    );
  }
  return { maxSize, maxRatio };
}
