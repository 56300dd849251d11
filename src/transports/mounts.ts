import { ClosedError, RequestError } from '../errors.ts';
import { inspect } from '../messages/inspect.ts';
import { OriginPattern } from '../messages/origin-pattern.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { labelOf, Transport, type TransportLike } from '../transport.ts';

/** Transports by pattern, see `OriginPattern`; `null` leads to the fallback. */
export type MountRoutes = Readonly<Record<string, TransportLike | null>>;

interface Route {
  readonly text: string;
  readonly pattern: OriginPattern;
  readonly transport: TransportLike | null;
}

/**
 * A transport that hands each request on to another one, by its scheme, host and port. Of the patterns that match, the most specific one
 * counts, in whatever order they are given.
 *
 *     new Mounts({
 *       'all://*.example.com': new AppTransport(app),
 *       'https://login.example.com': null,
 *     }, new ConnectionPool());
 *
 * `null` leads to the fallback, and so does what no pattern matches; where there is no fallback it is a `RequestError`. Closing it closes
 * all the transports it holds.
 *
 * @throws TypeError on what is no pattern, or no transport.
 */
export class Mounts extends Transport {
  readonly #routes: readonly Route[];
  readonly #fallback: TransportLike | null;
  #closed: Promise<void> | null = null;

  constructor(routes: MountRoutes, fallback: TransportLike | null = null) {
    super();
    if (typeof routes !== 'object' || routes === null || Symbol.iterator in routes)
      throw new TypeError(`mounts: expected transports by pattern, got ${nameOf(routes)}`);
    this.#routes = Object.entries(routes)
      .map(([text, transport]) => routeOf(text, transport))
      .sort((a, b) => OriginPattern.compare(a.pattern, b.pattern));
    if (fallback !== null) check('the fallback', fallback);
    this.#fallback = fallback;
  }

  async send(request: Request): Promise<Response> {
    if (this.#closed !== null)
      throw new ClosedError(`${request.toString()}: the mounts are closed`);
    const route = this.#routes.find(({ pattern }) => pattern.matches(request.origin));
    const transport = route?.transport ?? this.#fallback;
    if (transport === null) throw this.#nowhere(request, route);
    return transport.send(request);
  }

  /** Closes all, each once. Where some fail to, the others are closed all the same, and the first error is thrown. */
  override close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  override toString(): string {
    const routes = this.#routes.map(
      ({ text, transport }) => `${text} → ${transport === null ? 'else' : labelOf(transport)}`,
    );
    if (this.#fallback !== null) routes.push(`else → ${labelOf(this.#fallback)}`);
    return `Mounts [${routes.join('; ')}]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #close(): Promise<void> {
    const held = new Set(
      [...this.#routes.map(({ transport }) => transport), this.#fallback].filter(
        (each) => each !== null,
      ),
    );
    const ends = await Promise.allSettled(Array.from(held, async (each) => each.close()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #nowhere(request: Request, route: Route | undefined): RequestError {
    const mounted = this.#routes.map(({ text }) => text).join(', ') || 'nothing';
    const message =
      route === undefined
        ? `no transport is mounted for ${request.origin}, and there is no fallback; mounted: ${mounted}`
        : `${route.text} is null, which leads to the fallback, and there is none`;
    return new RequestError(message, { request });
  }
}

function routeOf(text: string, transport: TransportLike | null): Route {
  let pattern: OriginPattern;
  try {
    pattern = new OriginPattern(text);
  } catch (cause) {
    throw new TypeError(`mounts: ${(cause as Error).message}`, { cause });
  }
  if (transport !== null) check(JSON.stringify(text), transport);
  return { text, pattern, transport };
}

function check(what: string, transport: unknown): void {
  if (typeof (transport as TransportLike | undefined)?.send === 'function') return;
  throw new TypeError(`mounts: ${what}: expected a transport or null, got ${nameOf(transport)}`);
}

function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Symbol.iterator in value ? 'a list' : 'object';
}
