import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { GzipContent } from '../../../src/messages/content/gzip.ts';
import { BytesContent, JSONContent } from '../../../src/messages/content/memory.ts';
import { StreamContent } from '../../../src/messages/content/stream.ts';
import { Request } from '../../../src/messages/request.ts';
import { ConnectionPool } from '../../../src/transports/connection-pool.ts';
import { collect } from '../../support/collect.ts';
import { turn } from '../../support/clock.ts';
import { okServer } from '../../support/ok-server.ts';
import { rejection } from '../../support/rejection.ts';

t.test('a body is compressed while it is sent; its length is not known before', async (t) => {
  const content = new GzipContent(new JSONContent({ a: 'x'.repeat(1000) }));
  t.same(
    [content.contentType, content.contentEncoding, content.replayable],
    ['application/json', 'gzip', true],
  );
  t.notOk('contentLength' in content);
  for (let time = 0; time < 2; time++) {
    const bytes = await collect(content.stream());
    t.ok(bytes.byteLength < 100);
    t.match(gunzipSync(bytes).toString(), /^\{"a":"x{1000}"\}$/);
  }
  t.equal(gunzipSync(await collect(new GzipContent('').stream())).toString(), '');
});

t.test('whatever can be a body can be compressed; twice, too', async (t) => {
  t.equal(gunzipSync(await collect(new GzipContent(['a', 'é']).stream())).toString(), 'aé');
  const twice = new GzipContent(new GzipContent('a'));
  t.equal(twice.contentEncoding, 'gzip, gzip');
  t.equal(gunzipSync(gunzipSync(await collect(twice.stream()))).toString(), 'a');
  t.throws(() => new GzipContent(7 as never), { name: 'TypeError', message: /^body: expected/ });
});

t.test('a stream can be sent once', async (t) => {
  const content = new GzipContent(new StreamContent(['a']));
  t.equal(content.replayable, false);
  await collect(content.stream());
  t.throws(() => content.stream(), { code: 'ERR_STREAM_CONSUMED' });
});

t.test('an error of the source passes through', async (t) => {
  const reason = new Error('the disk is gone');
  for (const pieces of [0, 1, 50]) {
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < pieces; piece++)
        yield Buffer.alloc(100_000, Math.random().toString());
      throw reason;
    })();
    t.equal(await rejection(collect(new GzipContent(failing).stream())), reason);
  }
});

t.test('who stops reading ends the source, which is never far ahead', async (t) => {
  let given = 0;
  let ended = false;
  const endless = (async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield crypto.getRandomValues(new Uint8Array(60_000)).fill(++given & 1, 0, 10);
    } finally {
      ended = true;
    }
  })();
  for await (const piece of new GzipContent(endless).stream()) {
    if (piece.byteLength < 100) continue;
    for (let time = 0; time < 20; time++) await turn();
    break;
  }
  t.ok(given < 20, `${given} pieces were asked for`);
  for (let time = 0; time < 20 && !ended; time++) await turn();
  t.ok(ended);
});

t.test('a request says how its body is encoded', async (t) => {
  const body = new GzipContent('a');
  const request = new Request('PUT', 'http://h/', { body });
  t.equal(request.headers.get('content-encoding'), 'gzip');
  t.equal(request.headers.get('content-type'), 'text/plain;charset=UTF-8');
  const own = new Request('PUT', 'http://h/', { body, headers: { 'content-encoding': 'x-gzip' } });
  t.equal(own.headers.get('content-encoding'), 'x-gzip', 'what is set by hand stays');
  t.notOk(request.with({ body: 'b' }).headers.has('content-encoding'), 'it goes with the body');
  t.equal(own.with({ body: 'b' }).headers.get('content-encoding'), 'x-gzip');
  t.equal(request.with({ url: 'http://i/' }).headers.get('content-encoding'), 'gzip');
});

t.test('a server can undo it', async (t) => {
  const data = Buffer.alloc(1_000_000, 'strata');
  await using server = await okServer(async (request, response) => {
    const bytes = await collect(request);
    const right = gunzipSync(bytes).equals(data) && bytes.byteLength < 10_000;
    response.end(
      `${request.headers['content-encoding']} ${request.headers['transfer-encoding']} ${right}`,
    );
  });
  await using pool = new ConnectionPool();
  const body = new GzipContent(new BytesContent(data));
  const response = await pool.request('PUT', server.url, { body });
  t.equal(await response.text(), 'gzip chunked true');
});
