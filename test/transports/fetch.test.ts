import * as zlib from 'node:zlib';
import nodeFetch from 'node-fetch';
import { inspect } from 'node:util';
import t from 'tap';
import * as undici from 'undici';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  ConnectError,
  ConnectTimeoutError,
  DecodingError,
  LocalProtocolError,
  NetworkError,
  ReadError,
  ReadTimeoutError,
  RedirectError,
  RemoteProtocolError,
} from '../../src/errors.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import { FetchTransport, type FetchInit, type FetchLike } from '../../src/transports/fetch.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type Echo } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';

assertNoLeaks(t);

/** A fetch that notes what it is called with, and answers this. */
function fetching(answer: () => unknown): FetchLike & { calls: [string, FetchInit][] } {
  const calls: [string, FetchInit][] = [];
  const fetch = async (url: string, init: FetchInit): Promise<globalThis.Response> => {
    calls.push([url, init]);
    return answer() as globalThis.Response;
  };
  return Object.assign(fetch, { calls });
}

const ok = (): unknown => new globalThis.Response('ok');

t.test('it calls fetch with a URL and what the request says', async (t) => {
  const fetch = fetching(ok);
  await using transport = new FetchTransport(fetch, { init: { credentials: 'include' } });
  const url = 'http://h/a?b=1#c';
  const { signal } = new AbortController();
  const response = await transport.request('POST', url, {
    headers: { 'X-A': '1' },
    json: 7,
    signal,
  });
  t.equal(await response.text(), 'ok');
  const [called, init] = fetch.calls[0]!;
  t.equal(called, url);
  t.equal(init.method, 'POST');
  t.equal(init.redirect, 'manual');
  t.match(init, { credentials: 'include' });
  t.strictSame(init.headers, [
    ['X-A', '1'],
    ['content-type', 'application/json'],
  ]);
  t.equal(Buffer.from(init.body as Uint8Array).toString(), '7');
  t.equal('duplex' in init, false);
  t.equal(inspect(transport), '<FetchTransport>');
});

t.test('streams are handed over as they are, with their length where it is known', async (t) => {
  const fetch = fetching(ok);
  await using transport = new FetchTransport(fetch);
  await transport.request('POST', 'http://h/', { body: new Blob(['abc']) });
  const [, init] = fetch.calls[0]!;
  t.ok(init.body instanceof ReadableStream);
  t.equal(init.duplex, 'half');
  t.strictSame(init.headers, [['content-length', '3']]);
});

t.test(
  'nothing is read of a body before fetch asks for it, and what is left is given up',
  async (t) => {
    const seen: string[] = [];
    async function* body(): AsyncGenerator<string> {
      try {
        for (const piece of ['a', 'b', 'c']) {
          seen.push(piece);
          yield piece;
        }
      } finally {
        seen.push('end');
      }
    }
    const fetch: FetchLike = async (_, init) => {
      await new Promise(setImmediate);
      t.strictSame(seen, []);
      const reader = (init.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      t.strictSame(seen, ['a']);
      return new globalThis.Response('ok');
    };
    await using transport = new FetchTransport(fetch);
    await transport.request('POST', 'http://h/', { body: body() });
    await new Promise(setImmediate);
    t.strictSame(seen, ['a', 'end']);
  },
);

t.test(
  'what fetch cannot send is a LocalProtocolError, and fields of the connection stay here',
  async (t) => {
    const fetch = fetching(ok);
    await using transport = new FetchTransport(fetch);
    const refused: [method: string, init: RequestInit, message: RegExp][] = [
      ['GET', { body: 'x' }, /has no GET requests with a body$/],
      ['HEAD', { body: 'x' }, /has no HEAD requests with a body$/],
      ['CONNECT', {}, /has no CONNECT requests$/],
      ['TRACE', {}, /has no TRACE requests$/],
      ['GET', { headers: { upgrade: 'x' } }, /has no Upgrade: its connections/],
      ['OPTIONS', { target: '*' }, /has no request-target of the caller's own, \*$/],
    ];
    for (const [method, init, message] of refused) {
      const error = await rejection(
        transport.request(method, 'http://h/', init),
        LocalProtocolError,
      );
      t.match(error.message, message);
    }
    t.equal(fetch.calls.length, 0);
    const headers = {
      connection: 'close',
      'keep-alive': '1',
      expect: '100-continue',
      te: 'trailers',
    };
    await transport.request('GET', 'http://h/', { headers });
    t.strictSame(fetch.calls[0]![1].headers, [['te', 'trailers']]);
  },
);

t.test('over real fetches: what they decode is not decoded again', async (t) => {
  const codings = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync };
  await using server = await okServer((request, response) => {
    const coding = request.url!.slice(1);
    const asked = String(request.headers['accept-encoding']);
    if (coding === 'asked') {
      response.end(asked);
      return;
    }
    const body = codings[coding as keyof typeof codings]('decoded once');
    response.writeHead(200, { 'content-encoding': coding, 'content-length': body.length });
    response.end(body);
  });
  const fetches: Record<string, FetchLike> = {
    platform: globalThis.fetch,
    undici: undici.fetch,
    'node-fetch': nodeFetch as unknown as FetchLike,
  };
  for (const [name, fetch] of Object.entries(fetches)) {
    await using client = new Client({ transport: new FetchTransport(fetch), baseUrl: server.url });
    for (const coding of Object.keys(codings)) {
      const response = await client.get(coding);
      t.equal(await response.text(), 'decoded once', `${name}: ${coding}`);
      t.notOk(response.headers.has('content-encoding'));
      t.notOk(response.headers.has('content-length'));
    }
    t.notMatch(
      await (await client.get('asked')).text(),
      /zstd/,
      'what is not decoded is not asked for',
    );
    const head = await client.head('gzip');
    t.equal(
      head.headers.get('content-encoding'),
      'gzip',
      'of what was not sent nothing is decoded',
    );
  }
  await undici.getGlobalDispatcher().close();
  undici.setGlobalDispatcher(new undici.Agent());
});

t.test('what fetch leaves as it is comes to the decode layer', async (t) => {
  const answer = (coding: string, body: Uint8Array) => () =>
    new globalThis.Response(body as Uint8Array<ArrayBuffer>, {
      headers: { 'content-encoding': coding },
    });
  const raw = fetching(answer('gzip', zlib.gzipSync('raw')));
  await using none = new Client({ transport: new FetchTransport(raw, { decodes: [] }) });
  t.equal(await (await none.get('http://h/')).text(), 'raw');
  t.match(new Headers(raw.calls[0]![1].headers).get('accept-encoding'), /gzip/);
  // Of Node 22.15 and later.
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (text: string) => Uint8Array };
  if (zstdCompressSync !== undefined) {
    const zstd = fetching(answer('zstd', zstdCompressSync('zstd')));
    await using client = new Client({ transport: new FetchTransport(zstd) });
    t.equal(await (await client.get('http://h/')).text(), 'zstd');
  }
  const asking = fetching(ok);
  await using transport = new FetchTransport(asking);
  for (const [asked, sent] of [
    ['gzip, zstd;q=0.5, br', 'gzip, br'],
    ['zstd', 'identity'],
    ['identity;q=1, *;q=0', 'identity;q=1, *;q=0'],
  ] as const) {
    await transport.request('GET', 'http://h/', { headers: { 'accept-encoding': asked } });
    t.strictSame(asking.calls.at(-1)![1].headers, [['accept-encoding', sent]]);
  }
});

t.test('repeated Set-Cookie fields of node-fetch are kept apart', async (t) => {
  await using server = await okServer((_, response) => {
    response.setHeader('set-cookie', ['a=1; Expires=Thu, 01 Jan 2037 00:00:00 GMT', 'b=2']);
    response.end('x');
  });
  await using transport = new FetchTransport(nodeFetch as unknown as FetchLike);
  const { headers } = await transport.request('GET', server.url);
  t.equal(headers.getSetCookie().length, 2);
  const stream = await transport.stream('GET', server.url);
  await stream.close();
});

t.test('errors of fetch are errors of the tree, with the cause', async (t) => {
  const coded = (code: string, more: object = {}): unknown =>
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, ...more }) });
  const cases: [unknown, abstract new (...args: never[]) => Error][] = [
    [coded('ECONNREFUSED'), ConnectError],
    [coded('ENOTFOUND'), ConnectError],
    [coded('ETIMEDOUT', { syscall: 'connect' }), ConnectError],
    [coded('CERT_HAS_EXPIRED'), ConnectError],
    [
      new TypeError('fetch failed', { cause: new AggregateError([coded('EHOSTUNREACH')]) }),
      ConnectError,
    ],
    [coded('UND_ERR_CONNECT_TIMEOUT'), ConnectTimeoutError],
    [coded('UND_ERR_HEADERS_TIMEOUT'), ReadTimeoutError],
    [coded('ECONNRESET'), ReadError],
    [coded('UND_ERR_SOCKET'), RemoteProtocolError],
    [coded('HPE_INVALID_CONSTANT'), RemoteProtocolError],
    [coded('UND_ERR_INVALID_ARG'), LocalProtocolError],
    [coded('Z_DATA_ERROR'), DecodingError],
    [coded('UND_ERR_CLOSED'), ClosedError],
    [new TypeError('Failed to fetch'), NetworkError],
    ['text', NetworkError],
  ];
  for (const [cause, type] of cases) {
    await using transport = new FetchTransport(() => Promise.reject(cause));
    const error = await rejection(transport.request('GET', 'http://h/'), type);
    t.equal(error.cause, cause);
  }
  const { port } = await okServer().then(async (server) => {
    await server[Symbol.asyncDispose]();
    return server;
  });
  await using transport = new FetchTransport();
  const refused = await rejection(
    transport.request('GET', `http://127.0.0.1:${port}/`),
    ConnectError,
  );
  t.equal(
    refused.message,
    `GET http://127.0.0.1:${port}/: no response: connect ECONNREFUSED 127.0.0.1:${port}`,
  );
});

t.test('a body that breaks is an error with the cause', async (t) => {
  const cause = new TypeError('terminated');
  const broken = new ReadableStream({
    pull: (controller) => controller.error(cause),
  });
  await using transport = new FetchTransport(fetching(() => new globalThis.Response(broken)));
  const failed = await rejection(transport.request('GET', 'http://h/'), ReadError);
  t.equal(failed.cause, cause);
  t.equal(failed.message, 'GET http://h/: the response broke off: terminated');
  const texts = { status: 200, headers: [], body: ReadableStream.from(['text']) };
  await using textual = new FetchTransport(fetching(() => texts));
  t.match(
    (await rejection(textual.request('GET', 'http://h/'), ReadError)).message,
    /expected pieces of bytes, got string$/,
  );
});

t.test(
  'what is no response is a RemoteProtocolError, and an opaque redirect a RedirectError',
  async (t) => {
    for (const answer of [
      { status: 7, headers: [], body: null },
      { status: 200, headers: [['a b', 'c']], body: null },
      { status: 200, headers: undefined, body: null },
    ]) {
      await using transport = new FetchTransport(fetching(() => answer));
      const error = await rejection(transport.request('GET', 'http://h/'), RemoteProtocolError);
      t.match(error.message, /: fetch answered with what is no response: /);
    }
    const opaque = { status: 0, headers: [], body: null };
    await using transport = new FetchTransport(fetching(() => opaque));
    await rejection(transport.request('GET', 'http://h/'), RedirectError);
  },
);

t.test('a body of async iteration is read and given up as a stream is', async (t) => {
  let ended = false;
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield new Uint8Array(50_000);
    } finally {
      ended = true;
    }
  }
  await using transport = new FetchTransport(
    fetching(() => ({ status: 200, headers: [], body: body() })),
  );
  const response = await transport.stream('GET', 'http://h/');
  for await (const piece of response) {
    t.equal(piece.length, 50_000);
    break;
  }
  await response.close();
  t.ok(ended);
});

t.test('closing fails in the end what does not end by itself', async (t) => {
  const never = new ReadableStream({ pull: () => new Promise(() => {}) });
  await using transport = new FetchTransport(fetching(() => new globalThis.Response(never)));
  const response = await transport.stream('GET', 'http://h/');
  const reading = rejection(response.text());
  await response.close();
  t.match(await reading, { message: 'the response was closed' });
});

t.test('the global fetch is looked up when it is called', async (t) => {
  const { fetch } = globalThis;
  await using transport = new FetchTransport();
  t.teardown(() => Object.assign(globalThis, { fetch }));
  Object.assign(globalThis, { fetch: fetching(ok) });
  t.equal(await (await transport.request('GET', 'http://h/')).text(), 'ok');
});

t.test('a server of Node sees what is meant', async (t) => {
  await using server = await okServer();
  await using transport = new FetchTransport();
  const echoed = await transport.request('POST', `${server.url}/p`, { body: new Blob(['abc']) });
  const { rawHeaders, body } = await echoed.json<Echo>();
  t.equal(body, 'abc');
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  t.ok(names.includes('content-length'));
  t.notOk(names.includes('transfer-encoding'));
});

t.test('bad input is a TypeError that names it', async (t) => {
  t.throws(() => new FetchTransport({} as never), {
    name: 'TypeError',
    message: 'FetchTransport: expected a fetch function, got object',
  });
  t.throws(() => new FetchTransport(null as never), { message: /got null$/ });
  t.throws(() => new FetchTransport(fetching(ok), { decode: [] } as never), {
    message: 'FetchTransport: there is no option "decode"; did you mean decodes?',
  });
  t.throws(() => new FetchTransport(fetching(ok), { decodes: 'br' as never }), {
    message: 'FetchTransport: decodes: expected a list, got string',
  });
  t.throws(() => new FetchTransport(fetching(ok), { decodes: [7] as never }), {
    message: 'FetchTransport: decodes: expected names of content codings, got number',
  });
  for (const [init, got] of [
    ['no-store', 'string'],
    [null, 'null'],
  ] as const) {
    t.throws(() => new FetchTransport(fetching(ok), { init: init as never }), {
      name: 'TypeError',
      message: `FetchTransport: init: expected an object, got ${got}`,
    });
  }
  t.throws(() => new FetchTransport(fetching(ok), { timeout: -1 }), { name: 'TypeError' });
});
