import { Readable } from 'node:stream';
import t from 'tap';
import { toFetch, type AdaptedFetch } from '../../src/adapters/to-fetch.ts';
import { Client } from '../../src/client.ts';
import { MemoryStore } from '../../src/middleware/cache.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { collect } from '../support/collect.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type Echo } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

type Fetch = AdaptedFetch | typeof globalThis.fetch;

/** What is sent by both fetches, and what the server is to see of it. */
type Sending = readonly [
  rule: string,
  send: (fetch: Fetch, url: string) => Promise<Response>,
  expected: unknown,
];

const bytes = new TextEncoder().encode('bytes');
const post = { method: 'POST' };
/** Of a stream: without a length. */
const streamed = (body: string): unknown => ['POST', '/', body, null, null, 'chunked'];

async function* words(): AsyncGenerator<Uint8Array> {
  for (const word of ['str', 'eam', 'ed']) yield new TextEncoder().encode(word);
}

/** Method, target, body, Content-Type, Content-Length, Transfer-Encoding; the boundary is not the same twice. */
const sendings: readonly Sending[] = [
  [
    'a URL as text',
    (fetch, url) => fetch(`${url}/a?b=1#c`),
    ['GET', '/a?b=1', '', null, null, null],
  ],
  ['a URL', (fetch, url) => fetch(new URL('/a', url)), ['GET', '/a', '', null, null, null]],
  [
    'methods in upper case',
    (fetch, url) => fetch(url, { method: 'delete' }),
    ['DELETE', '/', '', null, null, null],
  ],
  ['POST without a body', (fetch, url) => fetch(url, post), ['POST', '/', '', null, '0', null]],
  [
    'text',
    (fetch, url) => fetch(url, { ...post, body: 'tèxt' }),
    ['POST', '/', 'tèxt', 'text/plain;charset=utf-8', '5', null],
  ],
  [
    'text of no letters',
    (fetch, url) => fetch(url, { ...post, body: '' }),
    ['POST', '/', '', 'text/plain;charset=utf-8', '0', null],
  ],
  [
    'a type that is given',
    (fetch, url) =>
      fetch(url, { ...post, body: '{}', headers: { 'content-type': 'application/json' } }),
    ['POST', '/', '{}', 'application/json', '2', null],
  ],
  [
    'bytes',
    (fetch, url) => fetch(url, { ...post, body: bytes }),
    ['POST', '/', 'bytes', null, '5', null],
  ],
  [
    'a buffer',
    (fetch, url) => fetch(url, { ...post, body: bytes.buffer }),
    ['POST', '/', 'bytes', null, '5', null],
  ],
  [
    'another view of bytes',
    (fetch, url) => fetch(url, { ...post, body: new DataView(bytes.buffer, 1, 3) }),
    ['POST', '/', 'yte', null, '3', null],
  ],
  [
    'a Blob',
    (fetch, url) => fetch(url, { ...post, body: new Blob(['blob'], { type: 'a/b' }) }),
    ['POST', '/', 'blob', 'a/b', '4', null],
  ],
  [
    'URLSearchParams',
    (fetch, url) => fetch(url, { ...post, body: new URLSearchParams({ a: '1 2' }) }),
    ['POST', '/', 'a=1+2', 'application/x-www-form-urlencoded;charset=utf-8', '5', null],
  ],
  [
    'what is nothing of all that, as text',
    (fetch, url) => fetch(url, { ...post, body: 12 as never }),
    ['POST', '/', '12', 'text/plain;charset=utf-8', '2', null],
  ],
  [
    'a web stream',
    (fetch, url) => fetch(url, { ...post, body: ReadableStream.from(words()), duplex: 'half' }),
    streamed('streamed'),
  ],
  [
    'an async iterable',
    (fetch, url) => fetch(url, { ...post, body: words() as never, duplex: 'half' }),
    streamed('streamed'),
  ],
  [
    'a Node stream',
    (fetch, url) => fetch(url, { ...post, body: Readable.from(words()) as never, duplex: 'half' }),
    streamed('streamed'),
  ],
  [
    'a stream of a length that is given',
    (fetch, url) =>
      fetch(url, {
        ...post,
        headers: { 'content-length': '8' },
        body: ReadableStream.from(words()),
        duplex: 'half',
      }),
    ['POST', '/', 'streamed', null, '8', null],
  ],
  [
    'a Request',
    (fetch, url) => fetch(new Request(`${url}/a`)),
    ['GET', '/a', '', null, null, null],
  ],
  [
    'a Request, and what init changes of it',
    (fetch, url) =>
      fetch(new Request(url, { ...post, body: 'not this', headers: { 'content-type': 'c/d' } }), {
        method: 'PUT',
        body: 'this',
        headers: { 'content-type': 'a/b' },
      }),
    ['PUT', '/', 'this', 'a/b', '4', null],
  ],
];

for (const [rule, send, expected] of sendings) {
  t.test(`sends ${rule}`, async (t) => {
    await using server = await okServer();
    await using client = new Client();
    t.strictSame(await seen(send(globalThis.fetch, server.url)), expected, 'built-in fetch');
    t.strictSame(await seen(send(toFetch(client), server.url)), expected, 'toFetch');
  });
}

async function seen(response: Promise<Response>): Promise<unknown> {
  const { method, url, body, rawHeaders } = (await (await response).json()) as Echo;
  const field = (name: string): string | null => {
    const at = rawHeaders.findIndex(
      (each, place) => place % 2 === 0 && each.toLowerCase() === name,
    );
    return at === -1 ? null : rawHeaders[at + 1]!;
  };
  // A type's parameters are written in more than one way.
  const type = field('content-type')?.toLowerCase().replace('; ', ';') ?? null;
  return [method, url, body, type, field('content-length'), field('transfer-encoding')];
}

t.test('sends a FormData, also one of another implementation', async (t) => {
  await using server = await okServer();
  await using client = new Client();
  const form = new FormData();
  form.append('a', 'one\ntwo');
  form.append('f', new File(['file'], 'n"ame.txt', { type: 'text/plain' }));
  class Foreign {
    readonly [Symbol.toStringTag] = 'FormData';
    *[Symbol.iterator](): IterableIterator<[string, string | File]> {
      yield* form;
    }
  }
  for (const body of [form, new Foreign() as never]) {
    const response = await toFetch(client)(server.url, { ...post, body });
    const echo = ((await response.json()) as Echo).body;
    t.match(echo, 'Content-Disposition: form-data; name="a"\r\n\r\none\r\ntwo');
    t.match(echo, 'Content-Disposition: form-data; name="f"; filename="n%22ame.txt"');
    t.match(echo, 'Content-Type: text/plain\r\n\r\nfile');
  }
});

t.test('the body of a Request that is short has a length, and can be sent again', async (t) => {
  const transport = new StubTransport();
  const fetch = toFetch(transport);
  await fetch(new Request('http://h/', { ...post, body: 'short' }));
  const { content } = transport.requests[0]!;
  t.match(content, { contentLength: 5, replayable: true });
  t.equal(Buffer.from(content!.bytes!()).toString(), 'short');

  await fetch(new Request('http://h/', { ...post, body: 'x'.repeat(70_000) }));
  const long = transport.requests[1]!.content!;
  t.equal(long.contentLength, undefined);
  t.equal((await collect(long.stream())).byteLength, 70_000);
});

t.test('the body of a Request is not waited for to its end', async (t) => {
  await using server = await okServer();
  await using client = new Client();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  void writer.write(bytes);
  const request = new Request(server.url, { ...post, body: readable, duplex: 'half' });
  const response = toFetch(client)(request);
  server.server.once('request', () => void writer.close());
  t.strictSame(await seen(response), streamed('bytes'));
  t.equal(request.bodyUsed, true);
  await rejection(toFetch(client)(request), TypeError);
});

t.test('a Request of another implementation is known by its members', async (t) => {
  await using server = await okServer();
  await using client = new Client();
  const foreign = {
    url: `${server.url}/foreign`,
    method: 'POST',
    headers: new Map([['x-a', 'b']]),
    body: Readable.from(['a ', 'node ', 'stream']),
    redirect: 'follow',
  };
  const response = await toFetch(client)(foreign as never);
  const echo = (await response.json()) as Echo;
  t.match(echo, { method: 'POST', url: '/foreign', body: 'a node stream' });
  t.ok(echo.rawHeaders.includes('x-a'));
});

t.test('headers in all forms, their values as text, without what stands around them', async (t) => {
  const transport = new StubTransport();
  const fetch = toFetch(transport);
  for (const headers of [
    { a: ' 1\n', b: 2, c: undefined, d: null },
    [
      ['a', '1'],
      ['b', 2],
    ],
    new Headers({ a: '1', b: '2' }),
    new Map([
      ['a', '1'],
      ['b', '2'],
    ]),
  ]) {
    await fetch('http://h/', { headers: headers as never });
    t.strictSame(
      [...transport.requests.at(-1)!.headers],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    );
  }
});

t.test('the headers of init replace those of a Request', async (t) => {
  const transport = new StubTransport();
  const request = new Request('http://h/', { headers: { a: '1' } });
  await toFetch(transport)(request, { headers: { b: '2' } });
  t.strictSame([...transport.requests[0]!.headers], [['b', '2']]);
});

t.test("a client's headers and base URL are those of its requests", async (t) => {
  const transport = new StubTransport();
  const client = new Client({
    transport,
    baseUrl: 'https://api.example.com/v1',
    headers: { authorization: 'Bearer mine', 'user-agent': null },
  });
  const fetch = toFetch(client);
  await fetch('users/7');
  await fetch('/users/8', { headers: { authorization: 'Bearer other' } });
  await fetch('https://api.example.com/v2');
  t.strictSame(transport.log, [
    'GET https://api.example.com/v1/users/7',
    'GET https://api.example.com/v1/users/8',
    'GET https://api.example.com/v2',
  ]);
  t.equal(transport.requests[0]!.headers.get('authorization'), 'Bearer mine');
  t.equal(transport.requests[1]!.headers.get('authorization'), 'Bearer other');
  await t.rejects(fetch('https://elsewhere.example.com/'), { name: 'TypeError' });
});

t.test('defaults are for every request; what init says counts more', async (t) => {
  const transport = new StubTransport();
  const fetch = toFetch(transport, { redirect: false, retry: false, timeout: 100 });
  await fetch('http://h/');
  await fetch('http://h/', { redirect: 'follow', cache: 'no-cache' } as RequestInit);
  t.match(transport.requests[0]!, { timeout: 100, extensions: { redirect: false, retry: false } });
  t.match(transport.requests[1]!.extensions, { redirect: true, retry: false, cache: 'no-cache' });
});

t.test(
  'nothing bounds the wait for an answer and for a connection, unless defaults do',
  async (t) => {
    const transport = new StubTransport();
    await toFetch(transport)('http://h/');
    t.strictSame(transport.requests[0]!.timeout, { read: null, pool: null });
  },
);

t.test('a Request says nothing of redirects that it was not told itself', async (t) => {
  const transport = new StubTransport();
  const fetch = toFetch(transport);
  await fetch(new Request('http://h/'));
  await fetch(new Request('http://h/', { redirect: 'manual' }));
  await fetch(new Request('http://h/', { redirect: 'manual' }), { redirect: 'follow' });
  t.strictSame(
    transport.requests.map(({ extensions }) => extensions.redirect),
    [undefined, false, true],
  );
});

t.test('a signal is that of init, else that of the Request', async (t) => {
  const transport = new StubTransport();
  const fetch = toFetch(transport);
  const { signal } = new AbortController();
  const request = new Request('http://h/', { signal });
  await fetch(request);
  await fetch(request, { signal });
  await fetch(request, { signal: null });
  t.equal(transport.requests[0]!.signal, request.signal);
  t.equal(transport.requests[1]!.signal, signal);
  t.equal(transport.requests[2]!.signal, null);
});

t.test('what cache says is for the cache layer', async (t) => {
  let answers = 0;
  await using server = await okServer((_, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60' }).end(String(++answers));
  });
  await using client = new Client({ cache: { store: new MemoryStore() } });
  const fetch = toFetch(client);
  const get = async (cache?: string): Promise<string> =>
    (await fetch(server.url, { cache } as RequestInit)).text();
  t.equal(await get(), '1');
  t.equal(await get('default'), '1');
  t.equal(await get('reload'), '2');
  t.equal(await get(), '2');
  t.equal(await get('no-store'), '3');
});

t.test("a status is no error, whatever the client's own status says", async (t) => {
  await using server = await okServer((_, response) => response.writeHead(500).end('broken'));
  await using client = new Client({ status: true });
  const response = await toFetch(client)(server.url);
  t.equal(response.status, 500);
  t.equal(await response.text(), 'broken');
});

t.test('a bare transport follows no redirect', async (t) => {
  await using server = await okServer((_, response) =>
    response.writeHead(302, { location: '/' }).end(),
  );
  await using pool = new ConnectionPool();
  t.equal((await toFetch(pool)(server.url)).status, 302);
  t.equal(
    (await toFetch({ send: (request) => pool.send(request), close: async () => {} })(server.url))
      .status,
    302,
  );
  await t.rejects(toFetch(pool)(server.url, { redirect: 'error' }), { message: 'fetch failed' });
});

t.test('one signal serves any number of requests', async () => {
  await using server = await okServer();
  await using client = new Client();
  const fetch = toFetch(client);
  const { signal } = new AbortController();
  // More than ten listeners on one signal would be a process warning, and so a leak.
  await Promise.all(
    Array.from({ length: 30 }, async () => (await fetch(server.url, { signal })).text()),
  );
});

t.test('it can be called without this, and has the class of its responses', async (t) => {
  const fetch = toFetch(new StubTransport());
  t.equal(fetch.Response, globalThis.Response);
  t.ok('Response' in fetch);
  t.equal((await Reflect.apply(fetch, undefined, ['http://h/'])).status, 200);
  const assignable: typeof globalThis.fetch = fetch;
  t.equal(assignable, fetch);
});

t.test('data: URLs are not sent', async (t) => {
  const transport = new StubTransport();
  await toFetch(transport)('data:,');
  t.strictSame(transport.log, []);
});

t.test('refuses what is no transport, and defaults that belong to one request', async (t) => {
  const expected = { name: 'TypeError' };
  t.throws(() => toFetch(null as never), {
    ...expected,
    message: /expected a transport, got null/,
  });
  t.throws(() => toFetch(globalThis.fetch as never), expected);
  t.throws(() => toFetch(new StubTransport(), null as never), expected);
  t.throws(() => toFetch(new StubTransport(), { headers: {} } as never), {
    ...expected,
    message: /headers belongs/,
  });
});
