import type { BodySource } from '../messages/body-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { statusFailure } from '../messages/status-failure.ts';
import { Middleware, type TransportLike } from '../transport.ts';
import { BodyStart } from './status/body-start.ts';

/** Which responses are errors, and how much of them is kept. */
export interface StatusOptions {
  /** The statuses that are failures: a list, or a function that says so. Default: all from 400. */
  readonly statuses?: readonly number[] | ((status: number) => boolean) | undefined;
  /** Bytes of the body that are read and kept in `error.response`, from 0; the rest is given up. Default 65,536. */
  readonly maxBody?: number | undefined;
}

/** The options by name, for those who check them. */
export const STATUS_OPTION_NAMES: readonly string[] = ['statuses', 'maxBody'];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: whatever the status, a response (false); or an error by these options. */
    status?: boolean | StatusOptions | undefined;
  }
}

declare module '../messages/response.ts' {
  interface ResponseExtensions {
    /** Of a response in a `StatusError`: its body is but the start, as `maxBody` says. */
    readonly truncated?: boolean | undefined;
  }
}

interface Resolved {
  readonly fails: (status: number) => boolean;
  readonly maxBody: number;
}

/**
 * Makes errors of statuses: 4xx and 5xx reject with a `StatusError`, whose `response` has its body read. The connection is free by then.
 *
 * Of a long body the start is kept (`maxBody`), and `error.response.extensions.truncated` is true. Where the body breaks on the way the error
 * is still the status's, with what came of the body; what broke it is its `cause`. Place it outside of all that acts on statuses: redirects,
 * authentication, retries.
 */
export class StatusMiddleware extends Middleware {
  override readonly role = 'status errors';
  readonly #options: StatusOptions;
  /** null: only requests that ask for it. */
  readonly #resolved: Resolved | null;

  /** With `false`, only requests that bring `status`. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: StatusOptions | boolean = {}) {
    super(next);
    this.#options = typeof options === 'boolean' ? {} : options;
    this.#resolved = options === false ? null : resolve(this.#options);
  }

  override get dormant(): boolean {
    return this.#resolved === null;
  }

  send(request: Request): Promise<Response> {
    let options = this.#resolved;
    const choice = request.extensions.status;
    try {
      if (choice === false) options = null;
      else if (choice === true) options ??= resolve(this.#options);
      else if (choice !== undefined) options = resolve({ ...this.#options, ...record(choice) });
    } catch (error) {
      return Promise.reject(error);
    }
    if (options === null) return this.next.send(request);
    const { fails, maxBody } = options;
    return this.next
      .send(request)
      .then((response) => (succeeds(response, fails) ? response : failed(response, maxBody)));
  }
}

/** Asks a function that may be the caller's. Where it throws, the response is nobody's. */
function succeeds(response: Response, fails: (status: number) => boolean): boolean {
  try {
    return !fails(response.status);
  } catch (error) {
    response.close().catch(() => {});
    throw error;
  }
}

async function failed(answer: Response, maxBody: number): Promise<never> {
  if (answer.isRead) throw statusFailure(answer, await answer.text());
  const start = new BodyStart(answer.detach() as BodySource, maxBody);
  const response = answer.with({ body: start });
  await response.read();
  const { signal } = response.request;
  // The caller's own end is no failure of the server's.
  if (start.broken !== null && signal?.aborted === true) throw signal.reason;
  throw statusFailure(
    start.truncated ? response.with({ extensions: { truncated: true } }) : response,
    await response.text(),
    start.broken?.error,
  );
}

function resolve(options: StatusOptions): Resolved {
  const { statuses, maxBody = 65_536 } = record(options);
  if (!Number.isInteger(maxBody) || maxBody < 0) {
    throw new TypeError(
      `status.maxBody: expected a whole number of bytes from 0, got ${String(maxBody)}`,
    );
  }
  return { fails: failing(statuses), maxBody };
}

function failing(statuses: StatusOptions['statuses']): (status: number) => boolean {
  if (statuses === undefined) return (status) => status >= 400;
  if (typeof statuses === 'function') return statuses;
  if (!Array.isArray(statuses) || !statuses.every((each) => Number.isInteger(each))) {
    throw new TypeError(
      `status.statuses: expected a list of statuses or a function, got ${typeof statuses}`,
    );
  }
  const set = new Set<number>(statuses);
  return (status) => set.has(status);
}

function record(options: StatusOptions): StatusOptions {
  if (typeof options === 'object' && options !== null) return options;
  throw new TypeError(
    `status: expected true, false or { statuses, maxBody }, got ${options === null ? 'null' : typeof options}`,
  );
}
