import { inspect } from 'node:util';
import t from 'tap';
import {
  Client,
  ConnectionPool,
  CookieMiddleware,
  middleware,
  Middleware,
  RedirectMiddleware,
  SocketBackend,
  stack,
  type Layer,
  type NetworkBackend,
  type NetworkTarget,
  type Opening,
  type Request,
  type Response,
} from '../src/index.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { okServer } from './support/ok-server.ts';

assertNoLeaks(t);

t.test(
  'a request passes five layers in the order written, and its response passes them in reverse',
  async (t) => {
    await using server = await okServer((request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
      else response.end(String(request.headers['x-passed']));
    });
    const passages: string[] = [];
    const passing = (name: string): Layer =>
      middleware(async (request, next) => {
        passages.push(`→ ${name} ${request.target}`);
        const passed = [request.headers.get('x-passed'), name]
          .filter((each) => each !== null)
          .join(' ');
        const response = await next.send(
          request.with({ headers: request.headers.with('x-passed', passed) }),
        );
        passages.push(`← ${name} ${response.status}`);
        return response;
      });
    class Signing extends Middleware {
      async send(request: Request): Promise<Response> {
        passages.push(`→ signing ${request.target}`);
        const response = await this.next.send(request);
        passages.push(`← signing ${response.status}`);
        return response;
      }
    }

    await using transport = stack(
      passing('outer'),
      RedirectMiddleware.layer(),
      passing('hop'),
      CookieMiddleware.layer(),
      Signing.layer(),
      new ConnectionPool(),
    );
    const response = await transport.request('GET', `${server.url}/old`, {
      redirect: { crossOriginHeaders: ['x-passed'] },
    });

    t.strictSame(passages, [
      '→ outer /old',
      '→ hop /old',
      '→ signing /old',
      '← signing 302',
      '← hop 302',
      '→ hop /new',
      '→ signing /new',
      '← signing 200',
      '← hop 200',
      '← outer 200',
    ]);
    // What a layer adds goes inward only: the second hop does not have the first one's mark twice.
    t.equal(await response.text(), 'outer hop');
    t.match(
      inspect(transport),
      /^<middleware → RedirectMiddleware → middleware → CookieMiddleware → Signing → ConnectionPool \[/,
    );
  },
);

/** The network, with an ear at what is written to it. */
class Overheard implements NetworkBackend {
  readonly #network = new SocketBackend();
  readonly #onWrite: (text: string) => void;

  constructor(onWrite: (text: string) => void) {
    this.#onWrite = onWrite;
  }

  open(target: NetworkTarget): Opening {
    const opening = this.#network.open(target);
    const stream = opening.stream.then((opened) => {
      const write = opened.write.bind(opened);
      opened.write = (data) => {
        if (typeof data === 'string') this.#onWrite(data);
        return write(data);
      };
      return opened;
    });
    return { stream, cancel: (reason) => opening.cancel(reason) };
  }
}

t.test('10,000 requests at once go through 50 connections in order of arrival', async (t) => {
  await using server = await okServer((_, response) => response.end('ok'));
  const begun: number[] = [];
  await using client = new Client({
    baseUrl: server.url,
    limits: { maxConnections: 50, maxKeepaliveConnections: 50 },
    timeout: { pool: null, read: 60_000 },
    network: new Overheard((text) => begun.push(Number(/^GET \/(\d+) /.exec(text)?.[1]))),
  });
  const inOrder = Array.from({ length: 10_000 }, (_, place) => place);
  const responses = await Promise.all(inOrder.map((place) => client.get(`/${place}`)));
  t.ok(responses.every((response) => response.status === 200));
  t.ok(server.connections <= 50, `${server.connections} connections`);
  // A connection that is looked at before it is used lets the others go ahead of it meanwhile.
  t.ok(begun.every((place, index) => Math.abs(place - index) < 50));
  t.equal(begun.length, inOrder.length);
});
