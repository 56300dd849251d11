import { isHTTPError } from '../errors.ts';
import type { BodySource } from '../messages/body-source.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { secretNames, shownHeaders, type SecretNames } from '../messages/secret-fields.ts';
import { WatchedSource } from '../messages/watched-source.ts';
import { Middleware, type TransportLike } from '../transport.ts';

/** What lines are written to: pino, the console, or anything with these methods. */
export type Logger = Readonly<Record<LogLevel, (record: LogRecord, message: string) => void>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line. Times are in milliseconds and sizes in bytes; what is not known is not there. */
export interface LogRecord {
  /** `request`: it is sent now. `response`: it came, and its body has ended. `failure`: there was none, or its body broke. */
  readonly event: 'request' | 'response' | 'failure';
  readonly method: string;
  /** Without credentials, query and fragment. */
  readonly url: string;
  /** Which try this is, from 2 on. */
  readonly attempt?: number;
  readonly status?: number;
  /** From the start to the head of the response. */
  readonly headMs?: number;
  /** From the start to the end. */
  readonly durationMs?: number;
  /** Of the body, as it came over the wire. */
  readonly bytes?: number;
  /** The body was given up before its end. */
  readonly closed?: true;
  /** The error's: `ERR_READ_TIMEOUT`, … */
  readonly code?: string;
  /** The error's message; of one that is not this library's, the name alone. */
  readonly error?: string;
  /** Only with `headers: true`. */
  readonly requestHeaders?: Readonly<Record<string, string>> | undefined;
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined;
}

/** What is logged, and where. */
export interface LogOptions {
  readonly logger: Logger;
  /**
   * The level of a line; null: it is not written. Default: debug for requests; for responses info, warn from status 400; error for failures.
   */
  readonly level?: ((record: LogRecord) => LogLevel | null) | undefined;
  /** Whether headers are logged, those that look like credentials as `REDACTED`. Default false. */
  readonly headers?: boolean | undefined;
  /** Headers not to be shown, besides those that look like credentials: names, whatever their case, or patterns. */
  readonly redact?: SecretNames | undefined;
}

/** The options by name, for those who check them. */
export const LOG_OPTION_NAMES: readonly string[] = ['logger', 'level', 'headers', 'redact'];

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /** For this request: nothing is logged (false). */
    log?: boolean | undefined;
  }
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/**
 * Writes a line when a request is sent, and one when it is over: when the body of its response has ended or was closed, or where it failed.
 * Placed innermost it tells of every attempt, outermost of every call. Bodies and queries are never logged.
 *
 * A response that is dropped, neither read nor closed, has no second line.
 */
export class LogMiddleware extends Middleware {
  readonly #logger: Logger;
  readonly #level: (record: LogRecord) => LogLevel | null;
  readonly #headers: boolean;
  readonly #isSecret: (name: string) => boolean;

  /** @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, options: LogOptions) {
    super(next);
    const { logger, level = defaultLevel, headers = false, redact } = options ?? {};
    const missing = LEVELS.find((each) => typeof logger?.[each] !== 'function');
    if (missing !== undefined) {
      throw new TypeError(
        `log.logger: expected an object with ${LEVELS.join(', ')}; it has no ${missing}`,
      );
    }
    if (typeof level !== 'function')
      throw new TypeError(`log.level: expected a function, got ${typeof level}`);
    if (typeof headers !== 'boolean')
      throw new TypeError(`log.headers: expected true or false, got ${typeof headers}`);
    this.#logger = logger;
    this.#level = level;
    this.#headers = headers;
    this.#isSecret = secretNames('log.redact', redact);
  }

  send(request: Request): Promise<Response> {
    return request.extensions.log === false ? this.next.send(request) : this.#logged(request);
  }

  async #logged(request: Request): Promise<Response> {
    const started = performance.now();
    const known = {
      ...about(request),
      requestHeaders: this.#shown(request.headers),
    };
    this.#write({ event: 'request', ...known }, '');
    let response: Response;
    try {
      response = await this.next.send(request);
    } catch (error) {
      this.#fail({ ...known, durationMs: since(started) }, error);
      throw error;
    }
    const head = {
      ...known,
      status: response.status,
      headMs: since(started),
      responseHeaders: this.#shown(response.headers),
    };
    if (response.isRead) {
      this.#succeed({ ...head, durationMs: head.headMs, bytes: response.bytesDownloaded });
      return response;
    }
    const source = response.detach() as BodySource;
    const watched = new WatchedSource(source, (end) => {
      const whole = { ...head, durationMs: since(started), bytes: sizeOf(source) };
      if (end.how === 'broken') this.#fail(whole, end.error);
      else this.#succeed(end.how === 'closed' ? { ...whole, closed: true } : whole);
    });
    return response.with({ body: watched });
  }

  #succeed(record: Omit<LogRecord, 'event'>): void {
    const { status, durationMs, closed } = record;
    this.#write(
      { event: 'response', ...record },
      ` ${status} in ${durationMs} ms${closed === true ? ', closed early' : ''}`,
    );
  }

  #fail(record: Omit<LogRecord, 'event'>, error: unknown): void {
    const failure = { event: 'failure', ...record, ...named(error) } as const;
    this.#write(failure, ` failed: ${failure.code ?? failure.error}`);
  }

  #write(record: LogRecord, outcome: string): void {
    const level = this.#level(record);
    if (level === null) return;
    this.#logger[level](record, `${record.method} ${record.url}${outcome}`);
  }

  #shown(headers: Headers): Readonly<Record<string, string>> | undefined {
    return this.#headers ? shownHeaders(headers, this.#isSecret) : undefined;
  }
}

function defaultLevel({ event, status = 0 }: LogRecord): LogLevel {
  if (event === 'request') return 'debug';
  if (event === 'failure') return 'error';
  return status >= 400 ? 'warn' : 'info';
}

function about(request: Request): Pick<LogRecord, 'method' | 'url' | 'attempt'> {
  const { attempt } = request.extensions;
  const url = request.origin + (request.target.split('?', 1)[0] as string);
  return { method: request.method, url, ...(attempt === undefined ? {} : { attempt }) };
}

/** What can be said of an error: one that is not ours (the caller's reason to abort, what a body's source threw) may say anything. */
function named(error: unknown): Pick<LogRecord, 'code' | 'error'> {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return {
    ...(typeof code === 'string' ? { code } : {}),
    error: isHTTPError(error)
      ? error.message
      : error instanceof Error
        ? error.name
        : `a ${typeof error}`,
  };
}

function sizeOf(source: BodySource): number {
  let wire = source;
  while (wire.inner !== undefined) wire = wire.inner;
  return wire.bytesReceived;
}

function since(started: number): number {
  return Math.round(performance.now() - started);
}
