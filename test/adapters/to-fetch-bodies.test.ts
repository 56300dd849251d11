import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { toFetch } from '../../src/adapters/to-fetch.ts';
import { Client } from '../../src/client.ts';
import { Response } from '../../src/messages/response.ts';
import { arrival, turn } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource, type Given } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const KIB = 1024;

/** fetch, answered with a body that gives `pieces`, and that body. */
async function fetched(
  ...pieces: (Given | PromiseLike<Given>)[]
): Promise<{ response: globalThis.Response; source: StubSource }> {
  const source = new StubSource(...pieces);
  const transport = new StubTransport(() => new Response(200, { body: source }));
  return { response: await toFetch(transport)('http://h/'), source };
}

/** Until `condition` holds: each turn is one of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

t.test('short bodies that nobody reads hold no connection', async (t) => {
  await using server = await okServer((_, response) => {
    response.writeHead(503);
    response.write('not ');
    setImmediate(() => response.end('now'));
  });
  await using client = new Client({ limits: { maxConnections: 1 } });
  const fetch = toFetch(client);
  const abandoned = [await fetch(server.url), await fetch(server.url), await fetch(server.url)];
  t.equal(server.connections, 1);
  t.equal(await abandoned[0]!.text(), 'not now', 'and can be read all the same');
});

t.test('what is read at once is not read ahead', async (t) => {
  const { response, source } = await fetched('one', 'two');
  const reader = response.body!.getReader();
  await reader.read();
  t.equal(source.pulls, 1);
  await arrival();
  t.equal(source.pulls, 1, 'nor is anything after that');
  await reader.cancel();
  t.equal(source.cancels, 1);
});

t.test('up to 64 KiB are read ahead of who has not begun to read', async (t) => {
  const pieces = Array.from({ length: 10 }, (_, place) => new Uint8Array(16 * KIB).fill(place));
  const { response, source } = await fetched(...pieces);
  await until(() => source.pulls === 4);
  await arrival();
  t.equal(source.pulls, 4);
  const bytes = new Uint8Array(await response.arrayBuffer());
  t.equal(bytes.byteLength, 160 * KIB);
  t.ok(pieces.every((piece, place) => bytes[place * 16 * KIB] === piece[0]));
});

t.test('what was read ahead comes first, piece by piece too', async (t) => {
  const gate = deferred<string>();
  const { response, source } = await fetched('one ', gate.promise, 'three');
  await until(() => source.pulls === 2);
  const text = (async () => {
    let text = '';
    for await (const piece of response.body!) text += Buffer.from(piece as Uint8Array).toString();
    return text;
  })();
  gate.resolve('two ');
  t.equal(await text, 'one two three');
});

t.test('what fails while it is read ahead fails for who reads', async (t) => {
  const ours = new Error('broken');
  for (const read of [
    (response: globalThis.Response): Promise<unknown> => response.text(),
    (response: globalThis.Response): Promise<unknown> => response.body!.getReader().read(),
  ]) {
    const { response, source } = await fetched(ours);
    await until(() => source.pulls === 1);
    await arrival();
    t.equal(await rejection(read(response)), ours);
  }
});

t.test('cancel gives the body up, read ahead or not', async (t) => {
  for (const isAhead of [false, true]) {
    const { response, source } = await fetched('one', new Uint8Array(64 * KIB), 'two');
    if (isAhead) await until(() => source.pulls === 2);
    await response.body!.cancel();
    t.equal(source.cancels, 1);
    t.equal(response.bodyUsed, true);
    await t.rejects(response.text(), TypeError);
  }
});

t.test('leaving the loop closes the connection', async (t) => {
  const closed = deferred();
  await using server = await okServer((request, response) => {
    request.socket.once('close', () => closed.resolve());
    response.write('event');
  });
  await using client = new Client();
  for await (const piece of (await toFetch(client)(server.url)).body!) {
    t.equal(Buffer.from(piece as Uint8Array).toString(), 'event');
    break;
  }
  await closed.promise;
});

t.test('a body that is read slowly is sent slowly', async (t) => {
  const size = 64 * KIB * KIB;
  await using server = await okServer((_, response) => response.end(Buffer.alloc(size)));
  await using client = new Client();
  const response = await toFetch(client)(server.url);
  const before = process.memoryUsage().arrayBuffers;
  const reader = response.body!.getReader();
  await reader.read();
  for (let turns = 0; turns < 20; turns++) await arrival();
  t.ok(process.memoryUsage().arrayBuffers - before < size / 8);
  await reader.cancel();
});

t.test('a body that is not to be read is closed', async (t) => {
  const transport = new StubTransport(({ url }) => transport.scoped(Number(url.pathname.slice(1))));
  const fetch = toFetch(transport);
  t.equal((await fetch('http://h/204')).body, null);
  t.equal((await fetch('http://h/200', { method: 'HEAD' })).body, null);
  await t.rejects(fetch('http://h/302', { redirect: 'error' }), { message: 'fetch failed' });
  await t.rejects(fetch('http://h/101'), { message: 'fetch failed' });
  await t.rejects(fetch('http://h/200', { integrity: 'sha256-AAAA' }), { message: 'fetch failed' });
  t.strictSame(
    transport.bodies.map(({ cancels }) => cancels),
    [1, 1, 1, 1, 0],
  );
});

t.test('a response that the platform refuses is closed', async (t) => {
  const source = new StubSource('body');
  const transport = new StubTransport(
    () => new Response(200, { statusText: 'naïve ☃', body: source }),
  );
  await t.rejects(toFetch(transport)('http://h/'), { message: 'fetch failed' });
  t.equal(source.cancels, 1);
});

t.test('what is handed out is a copy', async (t) => {
  const kept = new TextEncoder().encode('kept');
  const transport = new StubTransport(() => new Response(200, { body: kept }));
  const fetch = toFetch(transport);
  new Uint8Array(await (await fetch('http://h/')).arrayBuffer()).fill(0);
  const { value } = await (await fetch('http://h/')).body!.getReader().read();
  value!.fill(0);
  t.equal(await (await fetch('http://h/')).text(), 'kept');
});

t.test('garbage', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const until = async (condition: () => boolean): Promise<void> => {
    for (let times = 0; times < 200 && !condition(); times++) {
      await arrival();
      collect();
    }
  };

  t.test('a response that is dropped gives its connection back, without a word', async (t) => {
    await using server = await okServer((_, response) => response.write('an event, and no end'));
    await using client = new Client();
    let isClosed = false;
    server.server.once('connection', (socket) => socket.once('close', () => (isClosed = true)));
    await (async () => void (await toFetch(client)(server.url)))();
    await until(() => isClosed);
    t.equal(isClosed, true);
  });

  t.test('a body outlives its response', async (t) => {
    const end = deferred<string>();
    const body = await (async () => {
      const { response, source } = await fetched('one ', end.promise);
      return { stream: response.body!, source };
    })();
    for (let times = 0; times < 10; times++) {
      await arrival();
      collect();
    }
    t.equal(body.source.cancels, 0);
    end.resolve('two');
    t.equal(await new globalThis.Response(body.stream).text(), 'one two');
  });

  t.test('a body that is being read outlives all else', async (t) => {
    const end = deferred<string>();
    const { text, source } = await (async () => {
      const { response, source } = await fetched('one ', end.promise);
      return { text: response.text(), source };
    })();
    for (let times = 0; times < 10; times++) {
      await arrival();
      collect();
    }
    t.equal(source.cancels, 0);
    end.resolve('two');
    t.equal(await text, 'one two');
  });

  t.test('a clone outlives what it was made of', async (t) => {
    const end = deferred<string>();
    const { clone, source } = await (async () => {
      const { response, source } = await fetched('one ', end.promise);
      return { clone: response.clone(), source };
    })();
    for (let times = 0; times < 10; times++) {
      await arrival();
      collect();
    }
    t.equal(source.cancels, 0);
    end.resolve('two');
    t.equal(await clone.text(), 'one two');
  });
});

t.test('an abort after the head ends the body, and the connection', async (t) => {
  await using server = await okServer((_, response) => response.write('begun'));
  await using client = new Client();
  const connected = once(server.server, 'connection');
  const controller = new AbortController();
  const response = await toFetch(client)(server.url, { signal: controller.signal });
  const [socket] = (await connected) as [import('node:net').Socket];
  const closed = once(socket, 'close');
  controller.abort('no more');
  await closed;
  t.equal(await response.text().catch((reason: unknown) => reason), 'no more');
});
