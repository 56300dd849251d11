import {
  ConnectionPool,
  RedirectMiddleware,
  RetryMiddleware,
  stack,
  Transport,
  type Request,
  type RequestInit,
  type Response,
} from '../../src/index.ts';
import { CacheMiddleware } from '../../src/middleware/cache.ts';
import { ThrottleMiddleware } from '../../src/middleware/throttle.ts';
import { print, wireLog } from '../shared/wire-log.ts';
import { linkTo } from './links.ts';

export interface Repository {
  readonly full_name: string;
  readonly open_issues_count: number;
}

export interface Issue {
  readonly number: number;
  readonly title: string;
}

/**
 * A client of an API that is like GitHub's. It is a transport itself, so that its methods, and any others, go through the same stack: read from
 * the top, it is the way of a request.
 */
export class Forge extends Transport {
  readonly #base: string;
  readonly #transport: Transport = stack(
    RedirectMiddleware.layer(),
    // Outside of the cache, which may have something to answer an attempt with.
    RetryMiddleware.layer({ attempts: 4 }),
    CacheMiddleware.layer(),
    // Inside of it: what is answered from the cache waits for nobody.
    ThrottleMiddleware.layer({ concurrency: 4, interval: 100, intervalCap: 4 }),
    wireLog,
    new ConnectionPool(),
  );

  constructor(base: string) {
    super();
    this.#base = base.replace(/\/$/, '');
  }

  /** Every request gets what the API asks for, and what the layers did is told. */
  async send(request: Request): Promise<Response> {
    const response = await this.#transport.send(
      request.with({
        headers: request.headers
          .withDefault('accept', 'application/vnd.github+json')
          .withDefault('user-agent', 'strata-http-example'),
      }),
    );
    const { cacheStatus, queued } = response.extensions;
    if (cacheStatus?.hit === true) print(`  cache      answered, fresh for ${cacheStatus.ttl} s`);
    if (cacheStatus?.fwdStatus === 304) print('  cache      still the same, says the server');
    if (queued !== undefined && queued >= 10)
      print(`  throttle   made it wait for ${Math.round(queued)} ms`);
    return response;
  }

  override close(): Promise<void> {
    return this.#transport.close();
  }

  repository(name: string, init?: RequestInit): Promise<Repository> {
    return this.#get<Repository>(`/repos/${name}`, init);
  }

  /** All of them, a page at a time: the next one is asked for when it is needed. */
  async *issues(name: string): AsyncGenerator<Issue> {
    let url: string | null = `${this.#base}/repos/${name}/issues`;
    while (url !== null) {
      const response = await this.request('GET', url);
      yield* await response.raiseForStatus().json<Issue[]>();
      const next = linkTo('next', response.headers.get('link'));
      url = next === null ? null : new URL(next, url).href;
    }
  }

  async createIssue(name: string, title: string): Promise<Issue> {
    const init = { json: { title } };
    const response = await this.request('POST', `${this.#base}/repos/${name}/issues`, init);
    return response.raiseForStatus().json<Issue>();
  }

  async #get<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await this.request('GET', this.#base + path, init);
    return response.raiseForStatus().json<T>();
  }
}
