import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import t from 'tap';
import { ClosedError, RemoteProtocolError } from '../../src/errors.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';

assertNoLeaks(t);

/** A server that takes requests without bodies apart and leaves the answering to the test. */
class Wire implements AsyncDisposable {
  readonly sockets: Socket[] = [];
  /** What came in each read, as request-targets. */
  readonly reads: string[][] = [];
  readonly #server: Server;
  readonly #onRequest: (target: string, socket: Socket, place: number) => void;

  private constructor(onRequest: (target: string, socket: Socket, place: number) => void) {
    this.#onRequest = onRequest;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(
    onRequest: (target: string, socket: Socket, place: number) => void,
  ): Promise<Wire> {
    const wire = new Wire(onRequest);
    await once(wire.#server.listen(0, '127.0.0.1'), 'listening');
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.sockets.push(socket);
    socket.on('error', () => {});
    let text = '';
    let place = 0;
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const targets: string[] = [];
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        targets.push(text.slice(0, end).split(' ')[1] ?? '');
        text = text.slice(end + 4);
      }
      this.reads.push(targets);
      for (const target of targets) this.#onRequest(target, socket, ++place);
    });
  }
}

const answer = (body: string, fields = ''): string =>
  `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

const onOne = { limits: { maxConnections: 1 }, pipelining: 4 } as const;

/** Connections are not known to persist before their first answer. */
async function warm(pool: ConnectionPool, url: string): Promise<void> {
  await pool.request('GET', `${url}/first`);
}

t.test('requests that wait are sent behind the one that is awaited, in one write', async (t) => {
  await using wire = await Wire.start((target, socket) => socket.write(answer(target)));
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const targets = ['/1', '/2', '/3', '/4', '/5', '/6'];
  const texts = await Promise.all(
    targets.map(async (target) => (await pool.request('GET', wire.url + target)).text()),
  );
  t.strictSame(texts, targets, 'each gets its own answer');
  t.strictSame(wire.reads.slice(0, 2), [['/first'], ['/1', '/2', '/3', '/4']]);
  t.strictSame(wire.reads.flat().slice(1), targets, 'in order');
  t.equal(wire.sockets.length, 1);
});

t.test('answers may come in any pieces, and several in one', async (t) => {
  let text = '';
  await using wire = await Wire.start((target, socket, place) => {
    if (place === 1) socket.write(answer(target));
    else text += answer(target);
    if (place !== 5) return;
    const send = (at: number): void => {
      if (at < text.length) socket.write(text.slice(at, at + 7), () => send(at + 7));
    };
    send(0);
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const texts = await Promise.all(
    ['/1', '/2', '/3', '/4'].map(async (target) =>
      (await pool.request('GET', wire.url + target)).text(),
    ),
  );
  t.strictSame(texts, ['/1', '/2', '/3', '/4']);
});

t.test('a new connection is opened, where it may be, before anything is pipelined', async (t) => {
  await using wire = await Wire.start((target, socket) => socket.write(answer(target)));
  await using pool = new ConnectionPool({ limits: { maxConnections: 2 }, pipelining: 4 });
  await Promise.all(['/1', '/2'].map((target) => pool.request('GET', wire.url + target)));
  t.equal(wire.sockets.length, 2);
});

t.test('nothing is sent behind the first request of a connection', async (t) => {
  await using wire = await Wire.start((target, socket) => socket.write(answer(target)));
  await using pool = new ConnectionPool(onOne);
  await Promise.all(['/1', '/2', '/3'].map((target) => pool.request('GET', wire.url + target)));
  t.strictSame(wire.reads[0], ['/1']);
});

t.test('nothing is sent behind HTTP/1.0', async (t) => {
  await using wire = await Wire.start((target, socket) =>
    socket.write(answer(target, 'Connection: keep-alive\r\n').replace('HTTP/1.1', 'HTTP/1.0')),
  );
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  await Promise.all(['/1', '/2', '/3'].map((target) => pool.request('GET', wire.url + target)));
  t.strictSame(wire.reads, [['/first'], ['/1'], ['/2'], ['/3']]);
});

t.test(
  'neither a POST nor what waits behind it is sent before the answers are there',
  async (t) => {
    const waiting: (() => void)[] = [];
    await using wire = await Wire.start((target, socket, place) => {
      if (place === 1) socket.write(answer(target));
      else waiting.push(() => socket.write(answer(target)));
    });
    await using pool = new ConnectionPool(onOne);
    await warm(pool, wire.url);
    const get = pool.request('GET', `${wire.url}/get`);
    const post = pool.request('POST', `${wire.url}/post`);
    const behind = pool.request('GET', `${wire.url}/behind`);
    while (waiting.length === 0) await new Promise(setImmediate);
    t.strictSame(wire.reads.flat(), ['/first', '/get']);
    waiting.shift()?.();
    await get;
    while (waiting.length === 0) await new Promise(setImmediate);
    t.strictSame(wire.reads.flat(), ['/first', '/get', '/post']);
    waiting.shift()?.();
    await post;
    while (waiting.length === 0) await new Promise(setImmediate);
    waiting.shift()?.();
    await behind;
    t.strictSame(wire.reads.flat(), ['/first', '/get', '/post', '/behind']);
  },
);

t.test('where the server closes, those behind are sent again, each once and alone', async (t) => {
  await using wire = await Wire.start((target, socket, place) => {
    if (target === '/1') socket.end(answer(target, 'Connection: close\r\n'));
    else if (place === 1 || wire.sockets.length > 1) socket.write(answer(target));
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const texts = await Promise.all(
    ['/1', '/2', '/3'].map(async (target) => (await pool.request('GET', wire.url + target)).text()),
  );
  t.strictSame(texts, ['/1', '/2', '/3']);
  t.strictSame(wire.reads, [['/first'], ['/1', '/2', '/3'], ['/2'], ['/3']]);
});

t.test('a broken answer fails its own request, not those behind', async (t) => {
  await using wire = await Wire.start((target, socket, place) => {
    if (target === '/1') socket.write('HTTP/1.1 200 OK\r\nbad header\r\n\r\n');
    else if (place === 1 || wire.sockets.length > 1) socket.write(answer(target));
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const first = rejection(pool.request('GET', `${wire.url}/1`));
  const second = pool.request('GET', `${wire.url}/2`);
  t.ok((await first) instanceof RemoteProtocolError);
  t.equal(await (await second).text(), '/2');
});

t.test('one that is aborted behind another ends there; the others go on', async (t) => {
  let held = '';
  await using wire = await Wire.start((target, socket, place) => {
    if (place === 1 || wire.sockets.length > 1) socket.write(answer(target));
    else held += answer(target);
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const abort = new AbortController();
  const first = pool.request('GET', `${wire.url}/1`);
  const second = rejection(pool.request('GET', `${wire.url}/2`, { signal: abort.signal }));
  const third = pool.request('GET', `${wire.url}/3`);
  while (wire.reads.length < 2) await new Promise(setImmediate);
  const reason = new Error('not wanted');
  abort.abort(reason);
  t.equal(await second, reason, 'at once');
  wire.sockets[0]?.write(held);
  t.equal(await (await first).text(), '/1');
  t.equal(await (await third).text(), '/3');
});

t.test('a response that is closed early does not take those behind with it', async (t) => {
  await using wire = await Wire.start((target, socket) => {
    if (target === '/large' && wire.sockets.length === 1)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nx');
    else socket.write(answer(target));
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const large = pool.stream('GET', `${wire.url}/large`);
  const behind = pool.request('GET', `${wire.url}/2`);
  await (await large).close();
  t.equal(await (await behind).text(), '/2');
});

t.test('a streamed body is followed by the next answer in the same read', async (t) => {
  await using wire = await Wire.start((target, socket, place) => {
    if (place === 1) socket.write(answer(target));
    if (place === 2)
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    if (place === 3) socket.write(`3\r\ndef\r\n0\r\n\r\n${answer(target)}`);
  });
  await using pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const [first, second] = await Promise.all([
    pool.request('GET', `${wire.url}/1`),
    pool.request('GET', `${wire.url}/2`),
  ]);
  t.equal(await first?.text(), 'abcdef');
  t.equal(await second?.text(), '/2');
});

t.test('closing the pool waits for all of them; by force it fails all of them', async (t) => {
  const held: (() => void)[] = [];
  await using wire = await Wire.start((target, socket, place) => {
    if (place === 1) socket.write(answer(target));
    else held.push(() => socket.write(answer(target)));
  });
  const pool = new ConnectionPool(onOne);
  await warm(pool, wire.url);
  const both = ['/1', '/2'].map((target) => pool.request('GET', wire.url + target));
  while (held.length < 2) await new Promise(setImmediate);
  const closed = pool.close();
  for (const release of held) release();
  t.strictSame(await Promise.all(both.map(async (each) => (await each).text())), ['/1', '/2']);
  await closed;

  held.length = 0;
  const second = new ConnectionPool(onOne);
  await warm(second, wire.url);
  const failing = ['/1', '/2'].map((target) => rejection(second.request('GET', wire.url + target)));
  while (held.length < 2) await new Promise(setImmediate);
  await second.close({ force: true });
  for (const error of await Promise.all(failing)) t.ok(error instanceof ClosedError);
});

t.test('pipelining is a whole number from 1', async (t) => {
  for (const pipelining of [0, -1, 1.5, Number.NaN, '4' as unknown as number]) {
    t.throws(() => new ConnectionPool({ pipelining }), {
      name: 'TypeError',
      message: `ConnectionPool: pipelining: expected a whole number from 1, got ${String(pipelining)}`,
    });
  }
});
