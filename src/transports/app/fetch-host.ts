import type { Request } from '../../messages/request.ts';
import { Response } from '../../messages/response.ts';
import { ReadError } from '../../errors.ts';
import { Calls, NO_TIMEOUTS, underWay, type Call } from '../foreign/call.ts';
import { discard, received, receivedFields, webInit, type WebResponse } from '../foreign/web.ts';
import { isFault, statusOf, type FetchEnvironment, type FetchHandler } from './handlers.ts';
import type { HostOptions } from './node-host.ts';

/** Hosts a fetch handler: the platform's own `Request` goes in, and its `Response` comes out, both streaming. */
export class FetchHost {
  readonly #handler: FetchHandler;
  readonly #options: HostOptions;
  readonly #raises: boolean;
  readonly #env: FetchEnvironment;
  readonly #calls: Calls = new Calls('the app transport');

  constructor(handler: FetchHandler, options: HostOptions, raises: boolean) {
    this.#handler = handler;
    this.#options = options;
    this.#raises = raises;
    this.#env = { incoming: { socket: options.clientAddress } };
  }

  send(request: Request): Promise<Response> {
    return underWay(this.#calls, request, NO_TIMEOUTS, async (call) => {
      const target = this.#options.mountPath.inside(request.target);
      if (target === null) return finished(call, 404);
      const web = await this.#answer(call, target);
      if (typeof web === 'number') return finished(call, web);
      return received(call, web, receivedFields(web), (cause) => this.#cutOff(call, cause));
    });
  }

  close(): Promise<void> {
    return this.#calls.close();
  }

  /** A status where the app failed, and that is to be an answer. */
  async #answer(call: Call, target: string): Promise<WebResponse | number> {
    const init = webInit(call);
    const { origin, destination } = call.request;
    // A server's adapter has it from the wire.
    if (!call.request.headers.has('host')) init.headers.unshift(['host', destination.host]);
    if (init.body instanceof Uint8Array && !call.request.headers.has('content-length'))
      init.headers.push(['content-length', `${init.body.byteLength}`]);
    const web = new globalThis.Request(origin + target, init);
    let answer: unknown;
    try {
      const answering = Promise.resolve(this.#handler(web, this.#env));
      answer = await call.wait(answering, call.timeouts.read, discard);
    } catch (error) {
      if (call.failure !== null) throw call.failure.reason;
      if (this.#raises && isFault(error)) throw error;
      return statusOf(error);
    }
    if (isResponse(answer)) return answer;
    const what = answer === null || answer === undefined ? String(answer) : typeof answer;
    throw new TypeError(`AppTransport: expected the fetch handler to give a Response, got ${what}`);
  }

  /** The app failed while its body was read. */
  #cutOff(call: Call, cause: unknown): unknown {
    if (this.#raises) return cause;
    return new ReadError('the app broke off its response', call.describe('read', cause));
  }
}

function finished(call: Call, status: number): Response {
  const { request } = call;
  call.finish();
  return new Response(status, { request, text: TEXTS.get(status) ?? `${status}` });
}

const TEXTS: ReadonlyMap<number, string> = new Map([
  [404, 'Not Found'],
  [500, 'Internal Server Error'],
]);

function isResponse(answer: unknown): answer is WebResponse {
  return typeof answer === 'object' && answer !== null && 'status' in answer && 'headers' in answer;
}
