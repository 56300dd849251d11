import { Duplex } from 'node:stream';
import t from 'tap';
import { DeadlineError, isTimeoutError } from '../../src/errors.ts';
import type { BodySource } from '../../src/messages/body-source.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { DeadlineMiddleware } from '../../src/middleware/deadline.ts';
import { Transport } from '../../src/transport.ts';
import { Client } from '../../src/client.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { body, connection, hang, head, ScriptServer, send } from '../support/script-server.ts';
import { collect } from '../support/collect.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

assertNoLeaks(t);

/** A transport that never answers, and shows what it was asked. */
class Silent extends Transport {
  readonly requests: Request[] = [];

  send(request: Request): Promise<Response> {
    this.requests.push(request);
    return new Promise(() => {});
  }
}

const URL = 'http://h.test/x?key=secret';

/** A response with that body, which must end in so many milliseconds. */
function bounded(body: BodySource, deadline: number): Promise<Response> {
  class Stub extends Transport {
    async send(): Promise<Response> {
      return new Response(200, { body });
    }
  }
  return new DeadlineMiddleware(new Stub(), deadline).send(new Request('GET', URL));
}

function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

t.test(
  'a call that is not answered ends with a DeadlineError, which is a TimeoutError',
  async (t) => {
    const transport = new DeadlineMiddleware(new Silent(), 20);
    const started = performance.now();
    const error = await rejection(transport.send(new Request('GET', URL)), DeadlineError);
    const elapsed = performance.now() - started;
    t.ok(isTimeoutError(error));
    t.equal(error.message, 'GET http://h.test/x: not done after 20 ms (deadline)');
    t.ok(elapsed >= 19.5, `not early: ${elapsed} ms`);
  },
);

t.test('what is further in is told when the time is up', async (t) => {
  const silent = new Silent();
  const now = performance.now();
  await rejection(new DeadlineMiddleware(silent, 20).send(new Request('GET', URL)), DeadlineError);
  const expiresAt = silent.requests[0]?.extensions.expiresAt ?? 0;
  t.ok(expiresAt >= now + 20 && expiresAt < now + 1000);
});

t.test("a request's own deadline replaces the layer's, and null switches it off", async (t) => {
  const error = await rejection(
    new DeadlineMiddleware(new Silent(), 60_000).send(new Request('GET', URL, { deadline: 10 })),
    DeadlineError,
  );
  t.match(error.message, /10 ms/);
  const silent = new Silent();
  void new DeadlineMiddleware(silent, 10).send(new Request('GET', URL, { deadline: null }));
  t.equal(silent.requests[0]?.extensions.expiresAt, undefined);
});

t.test('without a deadline the request goes in as it is', async (t) => {
  const silent = new Silent();
  const request = new Request('GET', URL);
  void new DeadlineMiddleware(silent).send(request);
  t.equal(silent.requests[0], request);
});

t.test('a deadline that is not a number of milliseconds above 0 is a TypeError', async (t) => {
  for (const deadline of [0, -1, Number.NaN, '5'] as number[]) {
    t.throws(() => new DeadlineMiddleware(new Silent(), deadline), TypeError);
    await t.rejects(
      new DeadlineMiddleware(new Silent()).send(new Request('GET', URL, { deadline })),
      { name: 'TypeError', message: /deadline: expected milliseconds above 0/ },
    );
  }
});

t.test('a response that comes too late is closed', async (t) => {
  let closed = false;
  let answer: (response: Response) => void = () => {};
  class Late extends Transport {
    send(): Promise<Response> {
      return new Promise((resolve) => (answer = resolve));
    }
  }
  await rejection(
    new DeadlineMiddleware(new Late(), 10).send(new Request('GET', URL)),
    DeadlineError,
  );
  answer(
    new Response(200, {
      body: {
        pull: () => new Promise<null>(() => {}),
        cancel: async () => void (closed = true),
        bytesReceived: 0,
        trailers: null,
      },
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(closed);
});

t.test(
  'the body is under the same bound, and its connection is closed at the end of it',
  async (t) => {
    await using server = await ScriptServer.start([
      connection(head(), send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'), hang()),
    ]);
    const pool = new ConnectionPool();
    const transport = new DeadlineMiddleware(pool, 150);
    const response = await transport.send(new Request('GET', server.url));
    const error = await rejection(response.bytes(), DeadlineError);
    t.match(error.message, /not done after 150 ms \(deadline\)/);
    await server.connectionClosed(1);
    t.equal(pool.connections.length, 0);
    await pool.close();
  },
);

t.test('it ends a request in the queue, and one whose body is being sent', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), body(1), hang()),
    connection(hang()),
  ]);
  await using pool = new ConnectionPool({ limits: { maxConnections: 1 }, timeout: null });
  const transport = new DeadlineMiddleware(pool, 100);
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    await new Promise(() => {});
  }
  const sending = transport.send(new Request('POST', server.url, { body: endless() }));
  const queued = transport.send(new Request('GET', server.url));
  await Promise.all([rejection(sending, DeadlineError), rejection(queued, DeadlineError)]);
  t.equal(pool.snapshot().waiting, 0);
});

t.test('a body that ends in time leaves no timer', async (t) => {
  await using server = await ScriptServer.start([
    connection(head(), send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')),
  ]);
  await using client = new Client({ deadline: 60_000 });
  const response = await client.get(server.url);
  t.equal(await response.text(), 'hello');
});

t.test('nor does one that is read raw, lent, or taken whole', async (t) => {
  const read: ((response: Response) => Promise<unknown>)[] = [
    (response) => collect(response.iterRaw()),
    (response) => response.consume(() => {}),
    (response) => response.bytes(),
  ];
  for (const readBy of read) {
    const timers = activeTimers();
    const response = await bounded(StubSource.around(new StubSource('wire'), 'decoded'), 60_000);
    t.equal(activeTimers(), timers + 1);
    await readBy(response);
    t.equal(activeTimers(), timers);
  }
});

t.test('nor does a connection that is handed over', async (t) => {
  const duplex = new Duplex();
  const timers = activeTimers();
  const source = Object.assign(new StubSource(), { upgrade: () => duplex });
  const response = await bounded(source, 60_000);
  t.equal(response.upgrade(), duplex);
  t.equal(activeTimers(), timers);
});

t.test('a body that is read raw, or lent, is under the same bound', async (t) => {
  const read: ((response: Response) => Promise<unknown>)[] = [
    (response) => collect(response.iterRaw()),
    (response) => response.consume(() => {}),
  ];
  for (const readBy of read) {
    const silent = new StubSource('a', new Promise<never>(() => {}));
    const endless = StubSource.around(silent, 'decoded');
    endless.pull = () => silent.pull();
    const error = await rejection(readBy(await bounded(endless, 20)), DeadlineError);
    t.match(error.message, /not done after 20 ms/);
    t.equal(endless.cancels, 1);
  }
});

t.test('a client without a deadline keeps to that of a request', async (t) => {
  await using server = await ScriptServer.start([connection(hang())]);
  await using client = new Client({ timeout: null });
  await rejection(client.get(server.url, { deadline: 50 }), DeadlineError);
  t.notMatch(String(client), /Deadline/, 'and does not show a layer that is dormant');
});
