import { gzipSync } from 'node:zlib';
import t from 'tap';
import { Client } from '../../src/client.ts';
import { WriteError } from '../../src/errors.ts';
import type { Progress } from '../../src/messages/progress.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { ProgressMiddleware } from '../../src/middleware/progress.ts';
import { collect } from '../support/collect.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

/** A listener, and what it has been told. */
function listening(): [Progress[], (progress: Progress) => void] {
  const told: Progress[] = [];
  return [told, (progress) => void told.push(progress)];
}

function bounds(told: readonly Progress[]): unknown[] {
  return [told[0], told.at(-1)].map((each) => [each?.transferred, each?.total]);
}

t.test('without listeners a request goes through as it is', async (t) => {
  const inner = new StubTransport();
  const layer = new ProgressMiddleware(inner);
  const request = new Request('PUT', 'http://h/', { body: 'x' });
  await layer.send(request);
  t.equal(inner.requests[0], request);
  t.equal(layer.toString(), 'StubTransport', 'it is not shown');
});

t.test('an upload is told, with what it will be in all', async (t) => {
  await using server = await okServer(async (request, response) => {
    response.end(String((await collect(request)).byteLength));
  });
  await using client = new Client();
  const [told, onUploadProgress] = listening();
  const json = { a: 'x'.repeat(1_000_000) };
  const response = await client.post(server.url, { json, onUploadProgress });
  t.equal(await response.text(), '1000008');
  t.equal(response.request.headers.get('content-type'), 'application/json');
  t.same(bounds(told), [
    [0, 1_000_008],
    [1_000_008, 1_000_008],
  ]);
  for (const [at, { transferred }] of told.entries())
    t.ok(at === 0 || transferred > told[at - 1]!.transferred, 'it only grows');
  told.length = 0;
  await client.post(server.url, { body: ['a', 'bc'], onUploadProgress });
  t.same(bounds(told), [
    [0, undefined],
    [3, undefined],
  ]);
  told.length = 0;
  await client.get(server.url, { onUploadProgress });
  t.same(told, [], 'no body, no progress');
});

t.test('with each attempt it begins again', async (t) => {
  await using server = await okServer(async (request, response) => {
    await collect(request);
    if (request.url === '/a') response.writeHead(307, { location: '/b' });
    response.end();
  });
  await using client = new Client();
  const [told, onUploadProgress] = listening();
  await client.put(`${server.url}/a`, { body: 'abc', onUploadProgress });
  t.same(
    told.map(({ transferred }) => transferred),
    [0, 3, 0, 3],
  );
});

t.test('a download is told in bytes on the wire', async (t) => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const data = Buffer.concat(Array.from({ length: 20 }, () => bytes));
  const encoded = gzipSync(data);
  await using server = await okServer((request, response) => {
    if (request.url === '/gzip') {
      response.writeHead(200, {
        'content-encoding': 'gzip',
        'content-length': encoded.byteLength,
      });
      response.end(encoded);
    } else if (request.url === '/chunked') {
      response.write('a'.repeat(100_000));
      response.end();
    } else if (request.url === '/redirect') {
      response.writeHead(302, { location: '/', 'content-length': 9 }).end('not there');
    } else response.writeHead(200, { 'content-length': data.byteLength }).end(data);
  });
  await using client = new Client();
  for (const [path, size, total] of [
    ['/', data.byteLength, data.byteLength],
    ['/gzip', encoded.byteLength, encoded.byteLength],
    ['/chunked', 100_000, undefined],
    ['/redirect', data.byteLength, data.byteLength],
  ] as const) {
    const [told, onDownloadProgress] = listening();
    await client.get(`${server.url}${path}`, { onDownloadProgress });
    t.same(told.at(-1)?.transferred, size, path);
    t.same(told.at(-1)?.total, total, path);
    for (const [at, { transferred }] of told.entries())
      t.ok(at === 0 || transferred > told[at - 1]!.transferred, 'it only grows');

    const [again, listener] = listening();
    await using response = await client.stream('GET', `${server.url}${path}`, {
      onDownloadProgress: listener,
    });
    let raw = 0;
    for await (const piece of response.iterRaw()) raw += piece.byteLength;
    t.same([raw, again.at(-1)?.transferred, response.bytesDownloaded], [size, size, size], 'raw');
  }
});

t.test('a response that is there already is told once', async (t) => {
  const [told, onDownloadProgress] = listening();
  const layer = new ProgressMiddleware(
    new StubTransport(() => new Response(200, { body: Buffer.from('abc') })),
  );
  const response = await layer.send(new Request('GET', 'http://h/', { onDownloadProgress }));
  t.equal(await response.text(), 'abc');
  t.same(told, [{ transferred: 3, total: 3, bytesPerSecond: 0 }]);
});

t.test('what a listener throws is not lost', async (t) => {
  const reason = new Error('no screen');
  const listener = (): never => {
    throw reason;
  };
  await using server = await okServer(async (request, response) => {
    await collect(request);
    response.end(Buffer.alloc(500_000));
  });
  await using client = new Client();
  const upload = client.put(server.url, { body: 'abc', onUploadProgress: listener });
  t.equal((await rejection(upload, WriteError)).cause, reason);
  t.equal(await rejection(client.get(server.url, { onDownloadProgress: listener })), reason);
  let calls = 0;
  const later = client.get(server.url, {
    onDownloadProgress: ({ transferred }) => {
      if (++calls > 1 && transferred > 0) throw reason;
    },
  });
  t.equal(await rejection(later), reason);
});

t.test('a listener is a function', async (t) => {
  const inner = new StubTransport();
  const layer = new ProgressMiddleware(inner);
  for (const option of ['onUploadProgress', 'onDownloadProgress']) {
    const request = new Request('GET', 'http://h/', { [option]: true });
    const error = await rejection(layer.send(request), TypeError);
    t.equal(error.message, `${option}: expected a function, got boolean`);
  }
  t.equal(inner.requests.length, 0);
});
