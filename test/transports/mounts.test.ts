import { inspect } from 'node:util';
import t from 'tap';
import { Client } from '../../src/client.ts';
import { ClosedError, RequestError } from '../../src/errors.ts';
import { MockTransport } from '../../src/transports/mock.ts';
import { Mounts } from '../../src/transports/mounts.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

t.test(
  'a request goes to the most specific transport, in whatever order they are given',
  async (t) => {
    const [all, secure, below, host, port] = [1, 2, 3, 4, 5].map(() => new StubTransport());
    await using mounts = new Mounts({
      'all://': all!,
      'https://': secure!,
      'all://*.example.com': below!,
      'https://api.example.com': host!,
      'https://api.example.com:8443': port!,
    });
    const urls: [StubTransport, string][] = [
      [all!, 'http://other.test/'],
      [secure!, 'https://other.test/'],
      [below!, 'https://www.example.com/'],
      [host!, 'https://api.example.com/x'],
      [port!, 'https://api.example.com:8443/x'],
    ];
    for (const [transport, url] of urls) {
      await mounts.request('GET', url);
      t.strictSame(transport.log, [`GET ${url}`]);
    }
  },
);

t.test('null leads to the fallback, and so does what no pattern is for', async (t) => {
  const [mounted, fallback] = [new StubTransport(), new StubTransport()];
  await using mounts = new Mounts({ 'https://': mounted, 'https://h.test': null }, fallback);
  for (const url of ['https://h.test/', 'http://h.test/', 'https://a.h.test/'])
    await mounts.request('GET', url);
  t.strictSame(mounted.log, ['GET https://a.h.test/']);
  t.strictSame(fallback.log, ['GET https://h.test/', 'GET http://h.test/']);
});

t.test('where nothing is mounted the error says what is', async (t) => {
  await using mounts = new Mounts({
    'https://': new StubTransport(),
    'https://h.test': null,
  });
  const nowhere = await rejection(mounts.request('GET', 'http://h.test/a?secret'), RequestError);
  t.equal(
    nowhere.message,
    'GET http://h.test/a: no transport is mounted for http://h.test, and there is no fallback; mounted: https://h.test, https://',
  );
  t.equal(
    (await rejection(mounts.request('GET', 'https://h.test/'), RequestError)).message,
    'GET https://h.test/: https://h.test is null, which leads to the fallback, and there is none',
  );
  const none = await rejection(new Mounts({}).request('GET', 'http://h/'), RequestError);
  t.match(none.message, /; mounted: nothing$/);
});

t.test('closing closes each once, and all, even where one fails to', async (t) => {
  const [one, two, fallback] = [new StubTransport(), new StubTransport(), new StubTransport()];
  const failure = new Error('cannot');
  const bad = {
    send: () => Promise.reject(failure),
    close: () => {
      throw failure;
    },
  };
  const mounts = new Mounts(
    { 'all://a': bad, 'all://b': one, 'all://c': one, 'all://d': two },
    fallback,
  );
  t.equal(await rejection(mounts.close()), failure);
  t.equal(await rejection(mounts.close()), failure, 'and the second time');
  t.strictSame([one.closes, two.closes, fallback.closes], [1, 1, 1]);
  await rejection(mounts.request('GET', 'http://b/'), ClosedError);
});

t.test('it shows what leads where', async (t) => {
  const mounts = new Mounts(
    { 'https://': null, 'all://h': new MockTransport() },
    new StubTransport(),
  );
  t.equal(
    inspect(mounts),
    '<Mounts [all://h → MockTransport [0 requests]; https:// → else; else → StubTransport]>',
  );
});

t.test('bad input is a TypeError that names it', async (t) => {
  const stub = new StubTransport();
  for (const [routes, message] of [
    [null, 'mounts: expected transports by pattern, got null'],
    ['https://', 'mounts: expected transports by pattern, got string'],
    [new Map([['all://', stub]]), 'mounts: expected transports by pattern, got a list'],
    [{ 'h.test': stub }, /^mounts: expected a pattern .*, got "h\.test"$/],
    [{ 'all://': {} }, 'mounts: "all://": expected a transport or null, got object'],
    [{ 'all://': undefined }, 'mounts: "all://": expected a transport or null, got undefined'],
  ] as const)
    t.throws(() => new Mounts(routes as never), { name: 'TypeError', message });
  t.throws(() => new Mounts({}, {} as never), {
    message: 'mounts: the fallback: expected a transport or null, got object',
  });
});

t.test("the client's mounts stand below its layers, and close with it", async (t) => {
  const [mounted, fallback] = [new StubTransport(), new StubTransport()];
  const client = new Client({
    transport: fallback,
    mounts: { 'all://a.test': mounted },
    headers: { 'x-client': 'yes' },
  });
  await client.get('http://a.test/');
  await client.get('http://b.test/');
  t.equal(mounted.requests[0]?.headers.get('x-client'), 'yes');
  t.strictSame(fallback.log, ['GET http://b.test/']);
  await client.close();
  t.strictSame([mounted.closes, fallback.closes], [1, 1]);

  await using pooled = new Client({ mounts: { 'all://a.test': new StubTransport() } });
  t.match(inspect(pooled), /Mounts \[all:\/\/a\.test → StubTransport; else → ConnectionPool /);
});
