import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { Loopback, sendJSON } from '../shared/loopback.ts';

const PER_PAGE = 3;

/** As much of an API as the example needs: repositories with ETags, issues in pages, and one bad moment. */
export class ForgeServer {
  readonly #issues = [
    'Crash on start',
    'Typo',
    'Slow',
    'Add colours',
    'Docs',
    'Flaky test',
    'Leak',
  ];
  #failed = false;

  start(): Promise<Loopback> {
    return Loopback.start((request, response) => this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://forge');
    const [, name, issues] = /^\/repos\/(\w+\/\w+)(\/issues)?$/.exec(pathname) ?? [];
    if (name === undefined || !name.startsWith('strata/'))
      sendJSON(response, 404, { message: 'Not Found' });
    else if (issues === undefined) this.#sendRepository(request, response, name);
    else if (request.method === 'POST') await this.#createIssue(request, response);
    else this.#sendIssues(response, pathname, Number(searchParams.get('page') ?? 1));
  }

  #sendRepository(request: IncomingMessage, response: ServerResponse, name: string): void {
    const value = { full_name: name, open_issues_count: this.#issues.length };
    const etag = `"${createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)}"`;
    const headers = { etag, 'cache-control': 'private, max-age=60' };
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else sendJSON(response, 200, value, headers);
  }

  #sendIssues(response: ServerResponse, pathname: string, page: number): void {
    if (page === 2 && !this.#failed) {
      this.#failed = true;
      sendJSON(response, 503, { message: 'try again' }, { 'retry-after': '0' });
      return;
    }
    const first = (page - 1) * PER_PAGE;
    const issues = this.#issues.map((title, place) => ({ number: place + 1, title }));
    const more = first + PER_PAGE < issues.length;
    sendJSON(response, 200, issues.slice(first, first + PER_PAGE), {
      'cache-control': 'no-store',
      ...(more ? { link: `<${pathname}?page=${page + 1}>; rel="next"` } : {}),
    });
  }

  async #createIssue(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { title } = (await json(request)) as { title: string };
    const number = this.#issues.push(title);
    sendJSON(response, 201, { number, title });
  }
}
