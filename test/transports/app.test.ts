import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { inspect } from 'node:util';
import express, { type ErrorRequestHandler } from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import t from 'tap';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  LocalProtocolError,
  ReadError,
  RemoteProtocolError,
} from '../../src/errors.ts';
import {
  AppTransport,
  type AppLike,
  type AppTransportOptions,
  type FetchEnvironment,
  type FetchFunction,
  type NodeListener,
} from '../../src/transports/app.ts';
import { turn } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';

assertNoLeaks(t);

function clientOf(app: AppLike, options?: AppTransportOptions): Client {
  return new Client({ transport: new AppTransport(app, options), baseUrl: 'http://testserver' });
}

const failure = new Error('the app failed');
const refusal = Object.assign(new Error('no such thing'), { status: 404 });

function expressApp(): express.Express {
  const app = express();
  app.get('/', (request, response) => {
    response.json({
      ip: request.ip,
      secure: request.secure,
      url: request.originalUrl,
      base: request.baseUrl,
    });
  });
  app.post('/', express.json(), (request, response) => {
    response.status(201).json(request.body);
  });
  app.get('/sync', () => {
    throw failure;
  });
  app.get('/async', async () => {
    await turn();
    throw failure;
  });
  app.get('/refused', (_request, _response, next) => next(refusal));
  app.get('/late', (_request, response) => {
    response.write('start');
    setImmediate(() => response.destroy(failure));
  });
  return app;
}

function fastifyApp() {
  const app = fastify();
  app.get('/', async ({ ip, url }) => ({ ip, url }));
  app.post('/', async ({ body }, reply) => reply.status(201).send(body));
  app.get('/async', async () => {
    await turn();
    throw failure;
  });
  app.get('/refused', async () => {
    throw Object.assign(new Error('no such thing'), { statusCode: 404 });
  });
  return app;
}

function koaApp(): Koa {
  const app = new Koa();
  app.silent = true;
  app.use(async (context) => {
    if (context.path === '/async') throw failure;
    if (context.path === '/refused') context.throw(404, 'no such thing');
    if (context.path === '/') context.body = { ip: context.ip, url: context.url };
  });
  return app;
}

type App = Hono<{ Bindings: FetchEnvironment }>;

function honoApp(): App {
  const app: App = new Hono();
  app.get('/', (context) =>
    context.json({ ip: context.env.incoming.socket.remoteAddress, url: context.req.url }),
  );
  app.post('/', async (context) => context.json(await context.req.json(), 201));
  app.get('/async', () => {
    throw failure;
  });
  return app;
}

/** Answers by itself, without a word on the console. */
function quietHono(): App {
  return honoApp().onError((_, context) => context.text('Internal Server Error', 500));
}

/** Hono answers each error, unless it is told to let it through. */
function raisingHono(): App {
  return honoApp().onError((error) => {
    throw error;
  });
}

const APPS: Readonly<Record<string, () => AppLike>> = {
  Express: () => expressApp(),
  Fastify: fastifyApp,
  Koa: koaApp,
  Hono: raisingHono,
};

for (const [name, make] of Object.entries(APPS)) {
  t.test(`${name}: it is called, with the address of its client`, async (t) => {
    await using client = clientOf(make());
    const response = await client.get('/?a=1');
    t.equal(response.status, 200);
    t.match(await response.json(), { ip: '127.0.0.1', url: /\/\?a=1$/ });
    await using other = clientOf(make(), { clientAddress: '1.2.3.4' });
    t.match(await (await other.get('/')).json(), { ip: '1.2.3.4' });
    t.equal((await other.get('/nothing')).status, 404);
  });

  t.test(`${name}: its own exception comes to the caller`, async (t) => {
    await using client = clientOf(make());
    t.equal(await rejection(client.get('/async')), failure);
    t.equal((await client.get('/')).status, 200, 'and it goes on');
  });
}

t.test('one app is called by any number of transports, each as it says', async (t) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', onWarning);
  for (const [name, make] of Object.entries(APPS)) {
    const app = make();
    for (let time = 0; time < 12; time++) {
      await using client = clientOf(app);
      t.equal(await rejection(client.get('/async')), failure, `${name}, ${time}`);
    }
    await using raising = clientOf(app);
    await using answering = clientOf(app, { raiseAppErrors: false });
    const both = [answering.get('/async'), rejection(raising.get('/async'))] as const;
    t.equal((await both[0]).status, 500, name);
    t.equal(await both[1], failure, name);
  }
  await turn();
  process.off('warning', onWarning);
  t.strictSame(warnings, []);
});

t.test('with raiseAppErrors: false the exception is a 500', async (t) => {
  for (const make of [...Object.values(APPS), quietHono]) {
    await using client = clientOf(make(), { raiseAppErrors: false });
    t.equal((await client.get('/async')).status, 500);
  }
});

t.test('an error with a status below 500 is an answer', async (t) => {
  for (const make of [APPS['Express']!, APPS['Fastify']!, APPS['Koa']!]) {
    await using client = clientOf(make());
    t.equal((await client.get('/refused')).status, 404);
  }
});

t.test('JSON goes in and out', async (t) => {
  for (const make of [APPS['Express']!, APPS['Fastify']!, APPS['Hono']!]) {
    await using client = clientOf(make());
    const response = await client.post('/', { json: { a: [1] } });
    t.equal(response.status, 201);
    t.strictSame(await response.json(), { a: [1] });
  }
});

t.test('a bare listener, a callback and a fetch function do as well', async (t) => {
  const ready = fastifyApp();
  await ready.ready();
  const hono = honoApp();
  const apps: AppLike[] = [
    koaApp().callback(),
    (request: IncomingMessage, response: ServerResponse) => ready.routing(request, response),
    ready,
    hono.fetch,
    { fetch: (request, env) => hono.fetch(request, env) },
  ];
  for (const app of apps) {
    await using client = clientOf(app);
    t.equal((await client.get('/')).status, 200);
  }
  // What they answer themselves is an answer.
  for (const app of apps.slice(0, 3)) {
    await using client = clientOf(app);
    t.equal((await client.get('/async')).status, 500);
  }
});

t.test("an error that the app's own handler answers is an answer", async (t) => {
  const app = expressApp();
  const handler: ErrorRequestHandler = (error, _request, response, _next) => {
    response.status(503).send((error as Error).message);
  };
  app.use(handler);
  await using client = clientOf(app);
  const response = await client.get('/sync');
  t.equal(response.status, 503);
  t.equal(await response.text(), 'the app failed');
});

t.test('what a listener throws or rejects with, at whichever time', async (t) => {
  const before: NodeListener = (_request, _response) => {
    throw failure;
  };
  const during: NodeListener = async (_, response) => {
    response.write('start');
    await turn();
    throw failure;
  };
  await using raising = clientOf(before);
  t.equal(await rejection(raising.get('/')), failure);
  await using late = clientOf(during);
  await using response = await late.stream('GET', '/');
  t.equal(await rejection(response.text()), failure);

  await using answering = clientOf(before, { raiseAppErrors: false });
  const answered = await answering.get('/');
  t.strictSame([answered.status, await answered.text()], [500, 'Internal Server Error']);
  await using cut = clientOf(during, { raiseAppErrors: false });
  await using broken = await cut.stream('GET', '/');
  await rejection(broken.text(), RemoteProtocolError);

  const unavailable: NodeListener = (_request, _response) => {
    throw Object.assign(new Error('later'), { status: 503 });
  };
  await using busy = clientOf(unavailable, { raiseAppErrors: false });
  t.equal((await busy.get('/')).status, 503);
});

t.test('what comes after the response is an unhandled rejection', async (t) => {
  const seen = deferred<unknown>();
  const before = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.once('unhandledRejection', seen.resolve);
  t.teardown(() => before.forEach((each) => process.on('unhandledRejection', each)));
  const gate = deferred();
  const listener: NodeListener = async (_, response) => {
    response.end('done');
    await gate.promise;
    throw failure;
  };
  await using client = clientOf(listener);
  t.equal(await (await client.get('/')).text(), 'done');
  gate.resolve();
  t.equal(await seen.promise, failure);
});

t.test('what comes because the caller has gone is nothing', async (t) => {
  const listening = deferred();
  const gate = deferred();
  const ended = deferred();
  const listener: NodeListener = async (_request, _response) => {
    listening.resolve();
    await gate.promise;
    ended.resolve();
    throw failure;
  };
  await using client = clientOf(listener);
  const controller = new AbortController();
  const waiting = rejection(client.get('/', { signal: controller.signal }));
  await listening.promise;
  controller.abort('gone');
  t.equal(await waiting, 'gone');
  gate.resolve();
  await ended.promise;
});

t.test('next is there for listeners of three parameters', async (t) => {
  const listener: NodeListener = (request, _response, next) => {
    next(request.url === '/error' ? failure : undefined);
  };
  await using client = clientOf(listener);
  const response = await client.get('/');
  t.strictSame([response.status, await response.text()], [404, 'Not Found']);
  t.equal(await rejection(client.get('/error')), failure);
});

t.test('a server: its listeners, with upgrades and 100-continue', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/throws') throw failure;
    response.end('from a server');
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    response.writeContinue();
    request.resume().on('end', () => response.end('continued'));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    socket.setNoDelay(true).setKeepAlive(true).setTimeout(0);
    t.strictSame(socket.address(), {});
    t.equal(request.url, '/socket');
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    socket.pipe(socket);
  });
  await using client = clientOf(server);
  t.equal(await (await client.get('/')).text(), 'from a server');
  t.equal(await rejection(client.get('/throws')), failure);
  const body = 'x'.repeat(100);
  const continued = await client.post('/', { body, headers: { expect: '100-continue' } });
  t.equal(await continued.text(), 'continued');

  const headers = { connection: 'upgrade', upgrade: 'echo' };
  const response = await client.stream('GET', '/socket', { headers });
  t.equal(response.status, 101);
  const duplex = response.upgrade();
  duplex.end('hello');
  t.equal((await duplex.toArray()).join(''), 'hello');
});

t.test('trailers go both ways', async (t) => {
  const listener: NodeListener = (request, response) => {
    request.resume().on('end', () => {
      response.setHeader('trailer', 'x-sum');
      response.write('body');
      response.addTrailers({ 'x-sum': request.trailers['x-in'] as string });
      response.end();
    });
  };
  const body = {
    replayable: false,
    async *stream() {
      yield Buffer.from('in');
    },
    trailers: () => [['x-in', '7']] as [string, string][],
  };
  await using client = clientOf(listener);
  const response = await client.post('/', { body });
  t.equal(response.trailers?.get('x-sum'), '7');
});

t.test('an app writes no faster than it is read', async (t) => {
  let written = 0;
  const listener: NodeListener = (_, response) => {
    const more = (): void => {
      while (written < 1e7) {
        written += 10_000;
        if (!response.write(Buffer.alloc(10_000))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  };
  await using client = clientOf(listener);
  await using response = await client.stream('GET', '/');
  for (let n = 0; n < 20; n++) await turn();
  t.ok(written < 1e6, `${written} bytes were written ahead`);
  t.equal((await response.bytes()).length, 1e7);
});

t.test('below a mount path the app sees what comes after it', async (t) => {
  await using client = clientOf(expressApp(), { mountPath: '/api/' });
  const response = await client.get('/api/?q=1');
  t.match(await response.json(), { url: '/api/?q=1', base: '/api' });
  t.equal((await client.get('/api')).status, 200);
  for (const path of ['/', '/apis', '/other/api']) t.equal((await client.get(path)).status, 404);

  await using hono = clientOf(honoApp(), { mountPath: '/api' });
  t.match(await (await hono.get('/api?q=1')).json(), { url: 'http://testserver/?q=1' });
  const outside = await hono.get('/apis');
  t.strictSame([outside.status, await outside.text()], [404, 'Not Found']);
});

t.test('https is https to the app, without TLS', async (t) => {
  await using transport = new AppTransport(expressApp());
  t.match(await (await transport.request('GET', 'https://testserver/')).json(), { secure: true });
  await using hono = new AppTransport(honoApp());
  const { url } = await (await hono.request('GET', 'https://h/')).json<{ url: string }>();
  t.equal(url, 'https://h/');
});

t.test('a fetch handler gets Host and Content-Length, as a server would give them', async (t) => {
  const echo: FetchFunction = async (request) =>
    globalThis.Response.json([...request.headers], { statusText: 'Echoed' });
  await using transport = new AppTransport(echo);
  const response = await transport.request('POST', 'http://h.test:8/', { body: 'abc' });
  t.equal(response.statusText, 'Echoed');
  const headers = new Map(await response.json<[string, string][]>());
  t.equal(headers.get('host'), 'h.test:8');
  t.equal(headers.get('content-length'), '3');
});

t.test('a fetch handler that fails, now or later, or gives no response', async (t) => {
  const throwing: FetchFunction = () => {
    throw failure;
  };
  await using raising = clientOf(throwing);
  t.equal(await rejection(raising.get('/')), failure);
  await using answering = clientOf(throwing, { raiseAppErrors: false });
  t.equal((await answering.get('/')).status, 500);

  const breaking: FetchFunction = () =>
    new globalThis.Response(
      new ReadableStream({ pull: (controller) => controller.error(failure) }),
    );
  await using late = clientOf(breaking);
  t.equal(await rejection(late.get('/')), failure);
  await using cut = clientOf(breaking, { raiseAppErrors: false });
  t.equal((await rejection(cut.get('/'), ReadError)).cause, failure);

  await using refusing = clientOf(() => {
    throw refusal;
  });
  t.equal((await refusing.get('/')).status, 404);

  for (const [given, got] of [
    [undefined, 'undefined'],
    [null, 'null'],
    ['text', 'string'],
  ]) {
    await using strange = clientOf(() => given as never);
    await t.rejects(strange.get('/'), {
      name: 'TypeError',
      message: `AppTransport: expected the fetch handler to give a Response, got ${got}`,
    });
  }
  await using transport = new AppTransport(throwing);
  await rejection(transport.request('GET', 'http://h/', { body: 'x' }), LocalProtocolError);
});

t.test('closing it refuses what comes later, and what waits for the app to be ready', async () => {
  for (const app of [
    (_: IncomingMessage, response: ServerResponse) => response.end('bye'),
    () => new globalThis.Response('bye'),
  ] as AppLike[]) {
    const transport = new AppTransport(app);
    await transport.close();
    await rejection(transport.request('GET', 'http://h/'), ClosedError);
    await transport.close();
  }
  const slow = fastify();
  slow.addHook('onReady', turn);
  const transport = new AppTransport(slow);
  const refused = rejection(transport.request('GET', 'http://h/'), ClosedError);
  await transport.close();
  await refused;
  await slow.close();
});

t.test('it shows what it is', async (t) => {
  t.equal(inspect(new AppTransport(koaApp())), '<AppTransport [Node listener]>');
  t.equal(inspect(new AppTransport(honoApp())), '<AppTransport [fetch handler]>');
});

t.test('the types of handlers are known where they are written', async (t) => {
  const node = new AppTransport((request, response) => {
    response.end(request.url);
  });
  const fetch = new AppTransport({ fetch: (request) => new globalThis.Response(request.url) });
  t.equal(await (await node.request('GET', 'http://h/a')).text(), '/a');
  t.equal(await (await fetch.request('GET', 'http://h/a')).text(), 'http://h/a');
  await node.close();
  await fetch.close();
});

t.test('addresses of clients', async (t) => {
  const listener: NodeListener = ({ socket }, response) => {
    response.end(`${socket.remoteFamily} ${socket.remoteAddress} ${socket.remotePort}`);
  };
  for (const [clientAddress, seen] of [
    [undefined, 'IPv4 127.0.0.1 123'],
    ['1.2.3.4', 'IPv4 1.2.3.4 123'],
    ['1.2.3.4:5678', 'IPv4 1.2.3.4 5678'],
    ['::1', 'IPv6 ::1 123'],
    ['[2001:db8::1]', 'IPv6 2001:db8::1 123'],
    ['[2001:db8::1]:5', 'IPv6 2001:db8::1 5'],
  ] as const) {
    await using client = clientOf(listener, { clientAddress });
    t.equal(await (await client.get('/')).text(), seen);
  }
});

t.test('bad input is a TypeError that names it', async (t) => {
  for (const [app, got] of [
    [null, 'null'],
    [undefined, 'undefined'],
    ['app', 'string'],
    [{}, 'object'],
    [{ fetch: 7 }, 'object'],
  ] as const) {
    t.throws(() => new AppTransport(app as never), {
      name: 'TypeError',
      message: `AppTransport: expected a listener (req, res), a fetch handler, an http.Server, or an application that has one of them, got ${got}`,
    });
  }
  const app = koaApp();
  const options: [unknown, string | RegExp][] = [
    [{ raise: true }, /there is no option "raise"/],
    [{ raiseAppErrors: 'no' }, 'AppTransport: raiseAppErrors: expected true or false, got string'],
    [{ mountPath: 'api' }, 'AppTransport: mountPath: expected a path such as /api, got "api"'],
    [{ mountPath: '/a?b' }, /got "\/a\?b"$/],
    [{ mountPath: '/a/../b' }, /got "\/a\/\.\.\/b"$/],
    [{ mountPath: '/.' }, /got "\/\."$/],
    [{ mountPath: 7 }, /got number$/],
    [{ clientAddress: 'localhost' }, /^AppTransport: clientAddress: expected .*, got "localhost"$/],
    [{ clientAddress: '1.2.3.4:70000' }, /got "1\.2\.3\.4:70000"$/],
    [{ clientAddress: 7 }, /got number$/],
  ];
  for (const [given, message] of options)
    t.throws(() => new AppTransport(app, given as never), { name: 'TypeError', message });
});
