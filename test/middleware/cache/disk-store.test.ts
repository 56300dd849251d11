import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Request } from '../../../src/messages/request.ts';
import { Response } from '../../../src/messages/response.ts';
import { CacheMiddleware, DiskStore } from '../../../src/middleware/cache.ts';
import { assertNoLeaks } from '../../support/leaks.ts';
import { StubSource } from '../../support/stub-source.ts';
import { StubTransport } from '../../support/stub-transport.ts';
import { bodyOf, head, keepsTheContract, put } from './store-contract.ts';

assertNoLeaks(t);

const URL_ = 'http://h.test/';

/** The one file of a directory. */
async function only(directory: string): Promise<string> {
  const names = await readdir(directory);
  if (names.length !== 1) throw new Error(`expected one file, got ${names.join(', ')}`);
  return `${directory}/${names[0]}`;
}

t.test('it keeps to the contract of stores', async (t) => {
  const directory = `${t.testdir()}/made/when/needed`;
  await keepsTheContract(t, new DiskStore(directory));
  t.equal((await readdir(directory)).length, 2, 'and leaves nothing else behind');
});

t.test('what one store has written, the next one reads', async (t) => {
  const directory = t.testdir();
  await put(new DiskStore(directory), URL_, 'one', 'body');
  t.equal(await bodyOf(new DiskStore(directory), URL_), 'body');
});

t.test('a file is for its owner alone, and named by a hash', async (t) => {
  const directory = `${t.testdir()}/cache`;
  await put(new DiskStore(directory), 'http://h.test/?token=secret', 'one', 'body');
  const path = await only(directory);
  t.match(path, /\/[0-9a-f]{64}$/);
  if (process.platform !== 'win32') {
    t.equal((await stat(path)).mode & 0o777, 0o600);
    t.equal((await stat(directory)).mode & 0o777, 0o700);
  }
  t.notMatch(await readFile(path, 'latin1'), 'secret');
});

t.test(
  'a file that was cut short, or is none of its own, counts as none and is removed',
  async (t) => {
    const directory = t.testdir();
    const store = new DiskStore(directory);
    const damages: ((path: string) => Promise<void>)[] = [
      (path) => truncate(path, 0),
      (path) => truncate(path, 5),
      async (path) => truncate(path, (await stat(path)).size - 1),
      (path) => writeFile(path, 'something else, and longer than the end of an entry'),
      async (path) => {
        // The start is gone, the end is there.
        const bytes = await readFile(path);
        await writeFile(path, bytes.subarray(1));
      },
    ];
    for (const damage of damages) {
      await put(store, URL_, 'one', 'body');
      await damage(await only(directory));
      t.equal(await store.get(URL_), undefined);
      t.strictSame(await readdir(directory), []);
    }
  },
);

t.test(
  'an entry that is replaced or removed while its body is asked for is not mixed with the new one',
  async (t) => {
    const store = new DiskStore(t.testdir());
    const large = 'x'.repeat(100_000);
    await put(store, URL_, 'one', large);
    const entry = await store.get(URL_);
    await put(store, URL_, 'two', large);
    await t.rejects(Promise.resolve(entry?.body()), { message: 'the cache entry was replaced' });
    const second = await store.get(URL_);
    await store.delete(URL_);
    await t.rejects(Promise.resolve(second?.body()), { message: 'the cache entry was removed' });
  },
);

t.test('a body that is being read stays whole while its entry is replaced', async (t) => {
  const store = new DiskStore(t.testdir());
  await put(store, URL_, 'one', 'a'.repeat(200_000));
  const body = await (await store.get(URL_))!.body();
  if (body instanceof Uint8Array) throw new Error('expected it to be read in pieces');
  const first = await body.pull();
  await put(store, URL_, 'two', 'b');
  t.equal(
    Buffer.from(first!).toString() + Buffer.from(await body.rest!()).toString(),
    'a'.repeat(200_000),
  );
  t.equal(body.bytesReceived, 200_000);
  t.equal(await body.pull(), null);
});

t.test('a body that is left early closes its file', async (t) => {
  const store = new DiskStore(t.testdir());
  await put(store, URL_, 'one', 'a'.repeat(200_000));
  for (const pulls of [0, 1]) {
    const body = await (await store.get(URL_))!.body();
    if (body instanceof Uint8Array) throw new Error('expected it to be read in pieces');
    for (let i = 0; i < pulls; i++) await body.pull();
    await body.cancel();
    await body.cancel();
  }
});

t.test('beyond maxBytes, what was not used for longest goes', async (t) => {
  const directory = t.testdir();
  const store = new DiskStore(directory, { maxBytes: 10_000 });
  const past = (minutes: number): number => Date.now() / 1000 - minutes * 60;
  for (const [key, minutes] of [
    ['a', 30],
    ['b', 20],
    ['c', 10],
  ] as const) {
    const before = new Set(await readdir(directory));
    await put(store, key, key, 'x'.repeat(2500));
    const [name] = (await readdir(directory)).filter((each) => !before.has(each));
    await utimes(`${directory}/${name}`, past(minutes), past(minutes));
  }
  // Its use is noted in the file, for other processes too.
  t.equal((await bodyOf(store, 'a'))?.length, 2500);
  await put(store, 'd', 'd', 'x'.repeat(2500));
  const bodies = await Promise.all(['a', 'b', 'c', 'd'].map((key) => bodyOf(store, key)));
  t.strictSame(
    bodies.map((body) => body !== null),
    [true, false, true, true],
  );
});

t.test('only its own files are ever removed, and what others left unfinished', async (t) => {
  const hash = 'a'.repeat(64);
  const directory = t.testdir({
    'notes.txt': 'x'.repeat(50_000),
    [`${hash}.11111111-1111-4111-8111-111111111111.tmp`]: 'left an hour ago',
    [`${hash}.22222222-2222-4222-8222-222222222222.tmp`]: 'being written',
  });
  const hourAgo = Date.now() / 1000 - 3601;
  await utimes(`${directory}/${hash}.11111111-1111-4111-8111-111111111111.tmp`, hourAgo, hourAgo);
  await put(new DiskStore(directory, { maxBytes: 1 }), URL_, 'one', 'body');
  t.strictSame((await readdir(directory)).sort(), [
    `${hash}.22222222-2222-4222-8222-222222222222.tmp`,
    'notes.txt',
  ]);
});

t.test('a link in place of an entry is replaced, not written through', async (t) => {
  const directory = t.testdir({ cache: {}, outside: 'untouched' });
  const store = new DiskStore(`${directory}/cache`);
  await put(store, URL_, 'one', 'body');
  const path = await only(`${directory}/cache`);
  await store.delete(URL_);
  await symlink(`${directory}/outside`, path);
  await put(store, URL_, 'two', 'new');
  t.equal(await readFile(`${directory}/outside`, 'utf8'), 'untouched');
  t.equal(await bodyOf(store, URL_), 'new');
});

t.test(
  'a directory that cannot be written to fails no request',
  { skip: process.getuid?.() === 0 && 'root may write anywhere' },
  async (t) => {
    const directory = `${t.testdir({ locked: {} })}/locked`;
    await chmod(directory, 0o500);
    const errors: unknown[] = [];
    const cache = cacheWith(new DiskStore(directory), (error) => errors.push(error));
    t.equal(await (await cache.request('GET', URL_)).text(), 'body');
    t.match(errors, [{ code: 'EACCES' }]);
  },
);

t.test('a directory that is a file fails no request', async (t) => {
  const directory = t.testdir({ file: '' });
  const errors: unknown[] = [];
  const cache = cacheWith(new DiskStore(`${directory}/file/cache`), (error) => errors.push(error));
  t.equal(await (await cache.request('GET', URL_)).text(), 'body');
  t.ok(errors.length > 0);
  await mkdir(`${directory}/late`);
});

function cacheWith(store: DiskStore, onError: (error: unknown) => void): CacheMiddleware {
  const headers = { 'cache-control': 'max-age=60', etag: '"v1"' };
  const server = new StubTransport(
    () => new Response(200, { headers, body: new StubSource('body') }),
  );
  return new CacheMiddleware(server, { store, onError });
}

t.test(
  'under a cache: bodies stream to the file and from it, and a confirmation changes the head alone',
  async (t) => {
    const directory = t.testdir();
    const large = 'x'.repeat(200_000);
    let now = Date.now();
    const server = new StubTransport((request) => {
      const headers = { 'cache-control': 'max-age=60', etag: '"v1"' };
      return request.headers.has('if-none-match')
        ? new Response(304, { headers: { ...headers, 'x-seen': 'again' } })
        : new Response(200, { headers, body: new StubSource(large, large) });
    });
    const make = (): CacheMiddleware =>
      new CacheMiddleware(server, { store: new DiskStore(directory), now: () => now });
    t.equal((await (await make().request('GET', URL_)).text()).length, 400_000);
    t.equal((await (await make().request('GET', URL_)).text()).length, 400_000);
    t.equal(server.requests.length, 1);
    now += 61_000;
    const confirmed = await make().request('GET', URL_);
    t.equal(confirmed.headers.get('x-seen'), 'again');
    t.equal((await confirmed.text()).length, 400_000);
    const hit = await make().request('GET', URL_);
    t.equal(hit.headers.get('x-seen'), 'again');
    t.equal((await hit.text()).length, 400_000);
    t.equal(server.requests.length, 2);
    await using left = await make().send(new Request('GET', URL_));
    t.equal(left.isRead, false, 'a hit that is closed unread closes its file');
  },
);

t.test(
  'several processes may write the same entries, and die over it: what is there is whole',
  async (t) => {
    const directory = t.testdir();
    const writer = fileURLToPath(new URL('disk-writer.js', import.meta.url));
    const processes = ['a', 'b', 'c'].map((letter) => fork(writer, [directory, letter]));
    const store = new DiskStore(directory);
    const WHOLE = /^(?:a{90000}|b{90000}|c{90000})$/;
    try {
      await Promise.all(processes.map((process) => once(process, 'message')));
      const bodies = new Set<string>();
      for (let i = 0; i < 100; i++) {
        // Where it was replaced between its head and its body, it counts as not there.
        const body = await bodyOf(store, URL_).catch((error: Error) => error.message);
        bodies.add(body ?? 'nothing');
      }
      bodies.delete('the cache entry was replaced');
      t.ok(bodies.size > 0);
      for (const body of bodies) t.match(body, WHOLE);
    } finally {
      for (const process of processes) {
        const exited = once(process, 'exit');
        process.kill('SIGKILL');
        await exited;
      }
    }
    t.match(await bodyOf(store, URL_), WHOLE);
    await put(store, URL_, 'last', 'body');
    t.equal(await bodyOf(store, URL_), 'body');
  },
);

t.test('a file that shrinks while it is read is an error, not a short body', async (t) => {
  const directory = t.testdir();
  const store = new DiskStore(directory);
  await put(store, URL_, 'one', 'a'.repeat(200_000));
  const body = await (await store.get(URL_))!.body();
  if (body instanceof Uint8Array) throw new Error('expected it to be read in pieces');
  await body.pull();
  const file = await open(await only(directory), 'r+');
  await file.truncate(70_000);
  await file.close();
  await t.rejects(body.pull(), { message: 'the cache file is shorter than it was' });
});

t.test('what is no directory, or no bound, is a TypeError', (t) => {
  t.throws(() => new DiskStore(''), { name: 'TypeError' });
  t.throws(() => new DiskStore(7 as unknown as string), {
    message: 'DiskStore: expected the path of a directory, got number',
  });
  t.throws(() => new DiskStore('/tmp', { maxBytes: 0 }), {
    message: 'DiskStore.maxBytes: expected a whole number of bytes from 1, got 0',
  });
  t.end();
});

t.test('a head of any size comes back', async (t) => {
  const store = new DiskStore(t.testdir());
  const large = { ...head('one'), statusText: 'x'.repeat(100_000) };
  const writer = await store.set(URL_, large);
  await writer.write(Buffer.from('body'));
  await writer.commit();
  t.strictSame((await store.get(URL_))?.head, large);
  t.equal(await bodyOf(store, URL_), 'body');
});
