import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { Exchange, type ConnectionOwner } from '../../exchange.ts';
import { Http1Connection } from '../../http1/connection.ts';
import { DEFAULT_LIMITS } from '../../http1/limits.ts';
import type { Http1Options } from '../../http1/options.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { resolveTimeouts } from '../../messages/timeout.ts';
import { toDuplex } from '../../network/duplex.ts';
import { memoryPair } from '../../network/memory-stream.ts';
import { Calls, NO_TIMEOUTS, type Endable } from '../foreign/call.ts';
import { isFault, statusOf, type ClientAddress, type NodeApp } from './handlers.ts';
import type { MountPath } from './paths.ts';

/** What an app is hosted with. */
export interface HostOptions {
  readonly mountPath: MountPath;
  readonly clientAddress: ClientAddress;
}

const READ_BUFFER = Buffer.allocUnsafeSlow(16 * 1024);
const EMPTY = Buffer.alloc(0);
/** What a server emits besides requests. Each has an effect of its own by being listened to. */
const OTHER_EVENTS = ['upgrade', 'connect', 'checkContinue', 'checkExpectation'] as const;

/**
 * Hosts an app for Node's `http` in this process: real HTTP, through Node's own server, over a pair of streams in memory. Each request has
 * a connection of its own, so that whatever goes wrong in the app is known to belong to it.
 */
export class NodeHost {
  readonly #options: HostOptions;
  readonly #raises: boolean;
  readonly #server: Server;
  readonly #calls: Calls<AppCall> = new Calls('the app transport');
  readonly #bySocket: WeakMap<object, AppCall> = new WeakMap();
  readonly #app: NodeApp;
  #ready: PromiseLike<unknown> | undefined;

  constructor(app: NodeApp, options: HostOptions, raises: boolean) {
    this.#app = app;
    this.#options = options;
    this.#raises = raises;
    this.#server = createServer((request, response) => this.#onRequest(request, response));
    const { events } = app;
    for (const event of OTHER_EVENTS) {
      if (events === undefined || events.listenerCount(event) === 0) continue;
      this.#server.on(event, (request: IncomingMessage, ...given: unknown[]) => {
        this.#enter(request);
        events.emit(event, request, ...given);
      });
    }
  }

  async send(request: Request): Promise<Response> {
    this.#calls.admit(request);
    if (this.#app.ready !== undefined) {
      await (this.#ready ??= this.#app.ready());
      this.#calls.admit(request);
    }
    const timeouts = resolveTimeouts(request.timeout, NO_TIMEOUTS);
    const call = new AppCall(new Exchange(request, timeouts), () => this.#calls.delete(call));
    this.#calls.add(call);
    const [near, far] = memoryPair();
    const socket = toDuplex(far, EMPTY);
    const secure = request.destination.protocol === 'https:';
    Object.assign(
      socket,
      this.#options.clientAddress,
      SOCKET_METHODS,
      secure && { encrypted: true },
    );
    this.#bySocket.set(socket, call);
    this.#server.emit('connection', socket);
    const options: Http1Options = {
      limits: DEFAULT_LIMITS,
      pipelining: 1,
      host: request.destination.host,
      readBuffer: READ_BUFFER,
      toDuplex,
    };
    const promise = call.exchange.promise as Promise<Response>;
    new Http1Connection(near, call, options).send(call.exchange);
    return promise;
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  /** The app's own exception: the caller gets it, whether he waits for the head or for the body. */
  raise(request: IncomingMessage, error: unknown): void {
    const call = this.#bySocket.get(request.socket);
    if (call?.isOver === false) call.fail(error);
    // As on a server: there is nobody left who could be told. Where the caller has gone, or has been told of another, that is the reason.
    else if (call?.response?.writableEnded === true && !call.hasFailed) void Promise.reject(error);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const fail = (error: unknown): void => this.#onError(request, response, error);
    const call = this.#bySocket.get(request.socket);
    if (call !== undefined) call.response = response;
    if (!this.#enter(request)) {
      answer(response, 404);
      return;
    }
    // Express and Connect get here with what none of their handlers has dealt with.
    const next = (error?: unknown): void => {
      if (error === undefined || error === null) answer(response, 404);
      else fail(error);
    };
    try {
      const done: unknown = this.#app.listener(request, response, next);
      if (typeof (done as PromiseLike<unknown> | undefined)?.then === 'function')
        (done as PromiseLike<unknown>).then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  #onError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (this.#raises && isFault(error)) this.raise(request, error);
    else if (response.headersSent) request.socket.destroy();
    else answer(response, statusOf(error));
  }

  /** Makes the request one below the mount path, with what Express and others have for that. False where it is not below it. */
  #enter(request: IncomingMessage & { originalUrl?: string; baseUrl?: string }): boolean {
    const { mountPath } = this.#options;
    if (mountPath.prefix === '') return true;
    const inside = mountPath.inside(request.url as string);
    if (inside === null) return false;
    request.originalUrl = request.url as string;
    request.baseUrl = mountPath.prefix;
    request.url = inside;
    return true;
  }
}

/** One request on its connection. */
class AppCall implements ConnectionOwner, Endable {
  readonly exchange: Exchange;
  readonly #onOver: () => void;
  isOver = false;
  hasFailed = false;
  /** The app's, once it has been called. */
  response: ServerResponse | undefined;

  constructor(exchange: Exchange, onOver: () => void) {
    this.exchange = exchange;
    this.#onOver = onOver;
  }

  /** The app's own exception has ended it. */
  fail(error: unknown): void {
    this.hasFailed = true;
    this.end(error);
  }

  end(reason: unknown): void {
    this.exchange.holder?.drop(this.exchange, reason);
  }

  onAvailable(connection: Http1Connection): void {
    connection.destroy(new Error('the exchange is over'));
  }

  onClosed(): void {
    this.isOver = true;
    this.#onOver();
  }

  onStale(): boolean {
    return false;
  }

  /** Nothing is ever behind it. */
  onOrphaned(): void {}

  onDropped(): void {}
}

/** What is asked of sockets, and means nothing here. */
const SOCKET_METHODS = {
  localAddress: '127.0.0.1',
  localPort: 0,
  setTimeout: returnThis,
  setNoDelay: returnThis,
  setKeepAlive: returnThis,
  address: () => ({}),
};

function returnThis(this: Duplex): Duplex {
  return this;
}

function answer(response: ServerResponse, status: number): void {
  if (response.headersSent) return;
  const text = `${STATUS_CODES[status] ?? status}`;
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
