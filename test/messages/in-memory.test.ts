import t from 'tap';
import { Auth, type AuthFlow } from '../../src/auth/auth.ts';
import type { Content } from '../../src/messages/content/content.ts';
import { GzipContent } from '../../src/messages/content/gzip.ts';
import { inMemory } from '../../src/messages/in-memory.ts';
import { Request } from '../../src/messages/request.ts';
import { Proxy } from '../../src/proxy/proxy.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { MockTransport } from '../../src/transports/mock.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type Echo } from '../support/ok-server.ts';

assertNoLeaks(t);

t.test('what is in memory is itself', async (t) => {
  for (const body of ['x', null]) {
    const request = new Request('POST', 'http://h/', { body });
    t.equal(await inMemory(request), request);
  }
});

t.test('what is read is the same in all that it says of itself', async (t) => {
  let streams = 0;
  const content: Content = {
    contentType: 'text/csv',
    contentEncoding: 'gzip',
    filename: 'a.csv',
    replayable: false,
    async *stream() {
      streams++;
      yield new Uint8Array([1, 2]);
      yield new Uint8Array([3]);
    },
    trailers: () => [['digest', 'x']],
  };
  const { content: read } = await inMemory(new Request('POST', 'http://h/', { body: content }));
  const { contentType, contentEncoding, contentLength, filename, replayable } = read as Content;
  t.strictSame(
    { contentType, contentEncoding, contentLength, filename, replayable },
    {
      contentType: 'text/csv',
      contentEncoding: 'gzip',
      contentLength: 3,
      filename: 'a.csv',
      replayable: true,
    },
  );
  t.strictSame([...(read?.bytes?.() ?? [])], [1, 2, 3]);
  t.strictSame(read?.trailers?.(), [['digest', 'x']]);
  t.equal(streams, 1);
});

t.test('a request keeps the fields about its body when that is read', async (t) => {
  const request = new Request('POST', 'http://h/', { body: new GzipContent('x') });
  t.strictSame([...(await inMemory(request)).headers], [...request.headers]);
});

t.test('a compressed body is recorded by a mock as what it is', async (t) => {
  const mock = new MockTransport(200);
  await mock.request('POST', 'http://h/', { body: new GzipContent('x') });
  const [request] = mock.requests;
  t.equal(request?.headers.get('content-encoding'), 'gzip');
  t.equal(request?.headers.get('content-type'), 'text/plain;charset=UTF-8');
});

t.test('a scheme for a proxy that asks for the body leaves it what it is', async (t) => {
  class Signing extends Auth {
    override get requiresRequestBody(): boolean {
      return true;
    }

    *authFlow(request: Request): AuthFlow {
      const signature = `Signed ${request.content?.bytes?.().byteLength}`;
      yield request.with({ headers: request.headers.with('authorization', signature) });
    }
  }
  await using server = await okServer();
  await using pool = new ConnectionPool({ proxy: new Proxy(server.url, { auth: new Signing() }) });
  const body = new Blob(['abc'], { type: 'image/png' });
  const { rawHeaders } = await (
    await pool.request('POST', 'http://h.test/', { body })
  ).json<Echo>();
  const field = (name: string): string | undefined =>
    rawHeaders[rawHeaders.findIndex((each) => each.toLowerCase() === name) + 1];
  t.equal(field('content-type'), 'image/png');
  t.equal(field('proxy-authorization'), 'Signed 3');
});

t.test('a source may make each piece in the same memory', async (t) => {
  async function* reusing(): AsyncGenerator<Uint8Array> {
    const memory = new Uint8Array(1);
    for (const byte of [1, 2, 3]) {
      memory[0] = byte;
      yield memory;
    }
  }
  const { content } = await inMemory(new Request('POST', 'http://h/', { body: reusing() }));
  t.same([...content!.bytes!()], [1, 2, 3]);
});
