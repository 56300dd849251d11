import type { AuthLike } from '../auth/auth.ts';
import { basicCredentials } from '../auth/basic.ts';
import { requestHead, type RequestHead } from '../http1/request-head.ts';
import { Request } from '../messages/request.ts';
import { Response } from '../messages/response.ts';
import type { NetworkBackend, NetworkStream, NetworkTarget } from '../network/stream.ts';
import { ConnectDialogue, NoAnswer, type Outcome } from './connect-dialogue.ts';
import { ProxyFailure } from './failure.ts';
import { credentialsOf, isPair, type Proxy } from './proxy.ts';
import { authenticated } from './proxy-auth.ts';
import { refusal } from './refusal.ts';
import { secured, type Security } from './secured.ts';
import type { StagedOpening } from './staged-opening.ts';

/** What tunnels through a proxy are made with. */
export interface TunnelMeans {
  readonly proxy: Proxy;
  /** Opens connections to the proxy. */
  readonly dialer: NetworkBackend;
  readonly security: Security;
}

/** Opens a stream to `target` through an HTTP proxy: CONNECT (RFC 9110 §9.3.6), then TLS where the target asks for it. */
export function openTunnel(
  opening: StagedOpening,
  target: NetworkTarget,
  means: TunnelMeans,
): Promise<NetworkStream> {
  const tunnel = new Tunnel(opening, target, means);
  const credentials = credentialsOf(means.proxy);
  return credentials === null || isPair(credentials) ? tunnel.open() : tunnel.openWith(credentials);
}

class Tunnel {
  readonly #opening: StagedOpening;
  readonly #target: NetworkTarget;
  readonly #means: TunnelMeans;
  /** `host:port`, in CONNECT and in Host. */
  readonly #authority: string;
  readonly #request: Request;
  /** What was sent and must not be shown. */
  readonly #secrets: string[] = [];
  #dialogue: ConnectDialogue | null = null;

  constructor(opening: StagedOpening, target: NetworkTarget, means: TunnelMeans) {
    this.#opening = opening;
    this.#target = target;
    this.#means = means;
    const { host, port } = target;
    this.#authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const { proxy } = means;
    const url = `http://${proxy.toString().slice(proxy.protocol.length + 2)}/`;
    this.#request = new Request('CONNECT', url, {
      headers: proxy.headers,
      target: this.#authority,
    });
    for (const value of proxy.headers.values()) this.#conceal(value);
  }

  /** With no credentials, or with those for Basic, which are sent at once. */
  async open(): Promise<NetworkStream> {
    const { proxy, security } = this.#means;
    const pair = credentialsOf(proxy) as readonly [string, string] | null;
    let request = this.#request;
    if (pair !== null) {
      this.#secrets.push(pair[1]);
      request = withProxyAuthorization(request, basicCredentials('proxy.auth', ...pair));
    }
    const outcome = await this.#ask(request);
    const { early } = outcome;
    if (early === null) throw this.#refused(outcome);
    return await secured(this.#opening, this.#stream(), early, this.#target, security);
  }

  /** With a scheme, which may have to be asked first. */
  openWith(scheme: AuthLike): Promise<NetworkStream> {
    const { security } = this.#means;
    return new Promise((resolve, reject) => {
      let last: Outcome | null = null;
      authenticated(scheme, this.#request, async (request) => {
        const { headers } = request;
        const own = headers.get('authorization');
        const bare = request.with({ headers: headers.without('authorization') });
        const outcome = await this.#ask(own === null ? bare : withProxyAuthorization(bare, own));
        const { early, status } = outcome;
        last = outcome;
        // At once, in the turn in which the answer came; what the scheme has to learn from it, it learns afterwards.
        if (early !== null)
          resolve(secured(this.#opening, this.#stream(), early, this.#target, security));
        return new Response(status, { headers: outcome.headers, body: outcome.body });
      }).then(
        () => reject(this.#refused(last as unknown as Outcome)),
        (error: unknown) => {
          if (last?.early === null) this.#dialogue?.close();
          reject(error);
        },
      );
    });
  }

  #stream(): NetworkStream {
    return (this.#dialogue as ConnectDialogue).stream;
  }

  /** Asks on the connection that there is, or on a new one. */
  async #ask(request: Request): Promise<Outcome> {
    const authorization = request.headers.get('proxy-authorization');
    if (authorization !== null) this.#conceal(authorization);
    const head = requestHead(request, this.#authority, this.#authority);
    const kept = this.#dialogue;
    this.#dialogue = null;
    if (kept !== null) {
      try {
        return await this.#askOn(kept, head);
      } catch (error) {
        // It was kept open, and was closed all the same before this came to it.
        if (!(error instanceof NoAnswer) || !error.silent) throw this.#failed(error);
      }
    }
    const stream = await this.#opening.enter(this.#means.dialer.open(this.#target)).stream;
    try {
      return await this.#askOn(new ConnectDialogue(stream), head);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #askOn(dialogue: ConnectDialogue, head: RequestHead): Promise<Outcome> {
    const outcome = await this.#opening.enter(dialogue).ask(head);
    if (outcome.early !== null || outcome.reusable) this.#dialogue = dialogue;
    return outcome;
  }

  /** Comes too late, and to nothing, where there is a tunnel. */
  #refused(answer: Outcome): ProxyFailure {
    if (answer.early === null) this.#dialogue?.close();
    return refusal(`${this.#what} refused the tunnel to ${this.#authority}`, answer, this.#secrets);
  }

  #failed(error: unknown): unknown {
    if (!(error instanceof NoAnswer)) return error;
    return new ProxyFailure(
      `${this.#what} opened no tunnel to ${this.#authority}: ${error.message}`,
      { cause: error },
    );
  }

  /** A field's value, and what stands behind the name of a scheme. */
  #conceal(value: string): void {
    this.#secrets.push(value, value.replace(/^\S+ /, ''));
  }

  get #what(): string {
    return `the proxy ${this.#means.proxy.toString()}`;
  }
}

function withProxyAuthorization(request: Request, credentials: string): Request {
  return request.with({ headers: request.headers.with('proxy-authorization', credentials) });
}
