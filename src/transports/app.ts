import { ClosedError } from '../errors.ts';
import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { checkOptionNames } from '../options.ts';
import { Transport } from '../transport.ts';
import { addressIn } from './app/client-address.ts';
import { FetchHost } from './app/fetch-host.ts';
import {
  fetchHandlerOf,
  nodeAppOf,
  type FastifyLike,
  type FetchHandler,
  type KoaLike,
  type NodeListener,
  type ServerLike,
} from './app/handlers.ts';
import type { HostOptions, NodeHost } from './app/node-host.ts';
import { MountPath } from './app/paths.ts';

export type { FetchEnvironment, FetchHandler, NodeListener } from './app/handlers.ts';

/** A fetch handler of one parameter: one of more would be taken for a listener, and goes into `{ fetch }`. */
export type FetchFunction = (
  request: globalThis.Request,
) => globalThis.Response | PromiseLike<globalThis.Response>;

/** What an app can be: a listener `(req, res)`, a fetch handler `(request)`, or an application that has one of them. */
export type AppLike =
  | NodeListener
  | FetchFunction
  | { fetch: FetchHandler }
  | ServerLike
  | KoaLike
  | FastifyLike;

/** How an app is called. */
export interface AppTransportOptions {
  /** Whether the app's own exceptions reject the call, as they are. false: they are answered with a 500. Default true. */
  raiseAppErrors?: boolean | undefined;
  /** Where the app is mounted, `/api`: it sees the paths below that, and what is not below it is a 404. Default: the root. */
  mountPath?: string | undefined;
  /** Who the app sees as its client: an address, and a port perhaps, `1.2.3.4` or `1.2.3.4:5678`. Default `127.0.0.1:123`. */
  clientAddress?: string | undefined;
}

const OPTION_NAMES = ['raiseAppErrors', 'mountPath', 'clientAddress'];

/**
 * Calls an app in this process, without a port: for tests, and for services that live together.
 *
 *     await using client = new Client({ transport: new AppTransport(app), baseUrl: 'http://testserver' });
 *
 * A Node app (a listener of two or three parameters as Express's or `app.callback()` of Koa's, an `http.Server`, a Koa or Fastify
 * application) is served by Node's own HTTP server over streams in memory. A fetch handler (a function of one parameter, or an object with
 * `fetch`, as a Hono application is) gets the platform's `Request`. Either way bodies are streamed in both directions, and closing or
 * aborting reaches the app. There are no timeouts but those that a request brings.
 *
 * `raiseAppErrors` is about errors that the app does not answer itself: what a listener or handler throws or rejects with, what Express passes
 * to its last `next`, what Koa and Fastify answer by default. They can be seen of a Koa or Fastify application, not of its bare listener. An
 * error with a status below 500 is an answer. What comes after the response is complete is an unhandled rejection.
 *
 * @throws TypeError on what is no app, or an option that is not what it has to be.
 */
export class AppTransport extends Transport {
  /** Opened when it is first needed: not everybody who loads this library needs Node's HTTP server. */
  readonly #open: () => Promise<NodeHost | FetchHost>;
  readonly #label: string;
  #host: Promise<NodeHost | FetchHost> | null = null;
  #closed: Promise<void> | null = null;

  constructor(app: AppLike, options: AppTransportOptions = {}) {
    super();
    checkOptionNames('AppTransport', options, OPTION_NAMES);
    const { raiseAppErrors = true, mountPath = '', clientAddress = '127.0.0.1:123' } = options;
    if (typeof raiseAppErrors !== 'boolean')
      throw new TypeError(
        `AppTransport: raiseAppErrors: expected true or false, got ${typeof raiseAppErrors}`,
      );
    const how: HostOptions = {
      mountPath: new MountPath(mountPath),
      clientAddress: addressIn(clientAddress),
    };
    const handler = fetchHandlerOf(app);
    if (handler !== null) {
      this.#label = 'fetch handler';
      this.#open = async () => new FetchHost(handler, how, raiseAppErrors);
      return;
    }
    let host: NodeHost | undefined;
    const nodeApp = nodeAppOf(
      app,
      raiseAppErrors ? (request, error) => host?.raise(request, error) : null,
    );
    if (nodeApp === null)
      throw new TypeError(
        `AppTransport: expected a listener (req, res), a fetch handler, an http.Server, or an application that has one of them, got ${app === null ? 'null' : typeof app}`,
      );
    this.#label = 'Node listener';
    this.#open = async () => {
      const { NodeHost } = await import('./app/node-host.ts');
      return (host = new NodeHost(nodeApp, how, raiseAppErrors));
    };
  }

  async send(request: Request): Promise<Response> {
    if (this.#closed !== null)
      throw new ClosedError(`${request.toString()}: the app transport is closed`);
    const host = await (this.#host ??= this.#open());
    return host.send(request);
  }

  /** What is under way has 5 seconds to end. The app itself is not closed: its life is its owner's. */
  override close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  override toString(): string {
    return `AppTransport [${this.#label}]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #close(): Promise<void> {
    await (await this.#host)?.close();
  }
}
