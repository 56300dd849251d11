import type { AuthLike } from '../auth/auth.ts';
import { basicCredentials } from '../auth/basic.ts';
import type { Exchange } from '../exchange.ts';
import type { ProxiedHeads } from '../http1/options.ts';
import { requestHead, type RequestHead } from '../http1/request-head.ts';
import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { credentialsOf, isPair, type Proxy } from './proxy.ts';
import { authenticated } from './proxy-auth.ts';

/** Sends a request with these credentials for the proxy, or with none. */
export type Submit = (request: Request, proxyAuthorization: string | null) => Promise<Response>;

/** Requests to one origin that a proxy forwards: they say where they are to go, and what is for the proxy alone. */
export class Forwarding implements ProxiedHeads {
  readonly #origin: string;
  readonly #url: string;
  readonly #fields: readonly (readonly [name: string, line: string])[];
  readonly #scheme: AuthLike | null;

  constructor(proxy: Proxy, origin: string) {
    const credentials = credentialsOf(proxy);
    let { headers } = proxy;
    if (isPair(credentials))
      headers = headers.with('proxy-authorization', basicCredentials('proxy.auth', ...credentials));
    this.#origin = origin;
    this.#url = `http://${proxy.toString().slice(proxy.protocol.length + 2)}/`;
    this.#fields = Array.from(headers, ([name, value]) => [name, `\r\n${name}: ${value}`] as const);
    this.#scheme = isPair(credentials) ? null : credentials;
  }

  /** Whether requests have to be sent by `send`. */
  get authenticates(): boolean {
    return this.#scheme !== null;
  }

  headOf({ request, proxyAuthorization }: Exchange, host: string): RequestHead {
    const { headers } = request;
    let lines = '';
    for (const [name, line] of this.#fields) if (!headers.has(name)) lines += line;
    if (proxyAuthorization !== null && !headers.has('proxy-authorization'))
      lines += `\r\nproxy-authorization: ${proxyAuthorization}`;
    return requestHead(request, this.#targetOf(request), host, lines);
  }

  /** Sends a request, and answers the challenges of the proxy. What that takes is not seen in the response. */
  async send(request: Request, submit: Submit): Promise<Response> {
    const { headers, destination } = request;
    const asked = request.with({
      url: this.#url,
      headers: headers.without('authorization'),
      target: request.extensions.target ?? request.target,
    });
    const response = await authenticated(this.#scheme as AuthLike, asked, (each) =>
      submit(
        each.with({ url: destination, headers: restored(each.headers, headers) }),
        each.headers.get('authorization'),
      ),
    );
    return response.with({ request });
  }

  /** absolute-form (RFC 9112 §3.2.2); §3.2.4: of `OPTIONS *`, the origin without a path. */
  #targetOf({ method, target, extensions }: Request): string {
    const asked = extensions.target ?? target;
    if (asked === '*') return this.#origin;
    return method !== 'CONNECT' && asked.startsWith('/') ? this.#origin + asked : asked;
  }
}

/** With the Authorization that is for the origin. */
function restored(headers: Headers, original: Headers): Headers {
  const own = original.getAll('authorization');
  return own.length === 0 ? headers.without('authorization') : headers.with('authorization', own);
}

/** Requests through a tunnel: what is for the proxy has been said to it, and is not for the origin. */
export const tunnelled: ProxiedHeads = {
  headOf({ request }, host) {
    const { headers } = request;
    const bare = headers.has('proxy-authorization')
      ? request.with({ headers: headers.without('proxy-authorization') })
      : request;
    return requestHead(bare, request.extensions.target ?? request.target, host);
  },
};
