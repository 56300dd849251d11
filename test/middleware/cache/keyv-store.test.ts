import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import KeyvRedis, { createClient } from '@keyv/redis';
import Keyv from 'keyv';
import t from 'tap';
import { Response } from '../../../src/messages/response.ts';
import { CacheMiddleware, KeyvStore } from '../../../src/middleware/cache.ts';
import { assertNoLeaks } from '../../support/leaks.ts';
import { StubTransport } from '../../support/stub-transport.ts';
import { bodyOf, keepsTheContract, put } from './store-contract.ts';

// node:sqlite says on some versions that it is experimental.
assertNoLeaks(t, { allow: [/ExperimentalWarning: SQLite/] });

t.test('it keeps to the contract of stores: over a Keyv', async (t) => {
  await keepsTheContract(t, new KeyvStore(new Keyv()));
});

t.test('over a storage adapter', async (t) => {
  await keepsTheContract(t, new KeyvStore(new Map<string, string>()));
});

t.test(
  'keys say nothing of what they stand for, and entries are kept for as long as ttl says',
  async (t) => {
    const calls: unknown[][] = [];
    const keyv = {
      get: () => null,
      set: (...given: unknown[]) => calls.push(given),
      delete: () => false,
    };
    await put(new KeyvStore(keyv), 'http://h.test/?token=secret', 'one', 'body');
    await put(new KeyvStore(keyv, { ttl: 5 }), 'http://h.test/', 'one', 'body');
    await put(new KeyvStore(keyv, { ttl: null }), 'http://h.test/', 'one', 'body');
    t.match(calls[0]?.[0], /^strata-http:1:[0-9a-f]{64}$/);
    t.strictSame(
      calls.map(([, , ttl]) => ttl),
      [7 * 24 * 3600 * 1000, 5, undefined],
    );
  },
);

t.test('what is there and is no entry counts as nothing', async (t) => {
  for (const value of [undefined, null, 7, '', 'no line break']) {
    const keyv = { get: () => value, set: () => true, delete: () => true };
    t.equal(await new KeyvStore(keyv).get('http://h.test/'), undefined);
  }
});

t.test('a Keyv that does not take the entry is a failure', async (t) => {
  const keyv = { get: () => null, set: async () => false, delete: () => true };
  await t.rejects(put(new KeyvStore(keyv), 'http://h.test/', 'one', 'body'), {
    message: 'the Keyv did not take the entry',
  });
});

t.test('what is no Keyv is a TypeError', (t) => {
  t.throws(() => new KeyvStore({ get: () => null } as unknown as Keyv), {
    name: 'TypeError',
    message: 'KeyvStore: expected a Keyv, or an adapter, which has set()',
  });
  t.throws(() => new KeyvStore(new Keyv(), { ttl: 0 }), {
    message: 'KeyvStore.ttl: expected milliseconds above 0, or null, got 0',
  });
  t.end();
});

/** What of node:sqlite is used: the types of the oldest Node do not have it. */
interface SQLite {
  DatabaseSync: new (path: string) => {
    exec(sql: string): void;
    prepare(sql: string): {
      get(...values: string[]): Record<string, unknown> | undefined;
      run(...values: string[]): { changes: number | bigint };
    };
    close(): void;
  };
}

/** The least of a Keyv adapter, over SQLite. */
async function sqlite(path: string) {
  const specifier = 'node:sqlite';
  const { DatabaseSync } = (await import(specifier)) as SQLite;
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value TEXT)');
  const get = database.prepare('SELECT value FROM cache WHERE key = ?');
  const set = database.prepare('INSERT OR REPLACE INTO cache VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM cache WHERE key = ?');
  return {
    opts: {},
    get: async (key: string) => get.get(key)?.['value'],
    set: async (key: string, value: string) => void set.run(key, value),
    delete: async (key: string) => Number(remove.run(key).changes) > 0,
    clear: async () => database.exec('DELETE FROM cache'),
    close: () => database.close(),
  };
}

const [major = 0] = process.versions.node.split('.').map(Number);
const noSqlite = major < 22 && 'node:sqlite came with Node 22';

t.test(
  'with SQLite: what one process has stored is there for the next',
  { skip: noSqlite },
  async (t) => {
    const path = `${t.testdir()}/cache.sqlite`;
    const first = await sqlite(path);
    await keepsTheContract(t, new KeyvStore(new Keyv({ store: first })));
    first.close();
    const second = await sqlite(path);
    t.equal(await bodyOf(new KeyvStore(new Keyv({ store: second })), 'http://h.test/empty'), '');
    second.close();
  },
);

const noRedis =
  spawnSync('redis-server', ['--version']).error !== undefined && 'there is no redis-server';

/** A Redis of the test's own, at a socket in `directory`. */
async function redis(directory: string) {
  const path = `${directory}/redis.sock`;
  const options = [
    '--port',
    '0',
    '--unixsocket',
    path,
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const text of server.stdout) {
    if (String(text).includes('eady to accept connections')) break;
  }
  server.stdout.destroy();
  return {
    path,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill();
      await once(server, 'exit');
    },
  };
}

t.test(
  'with Redis: clients share what one of them has fetched, and go on without it',
  { skip: noRedis },
  async (t) => {
    // A path that a socket can have: it must be short.
    const directory = await mkdtemp(join(tmpdir(), 'strata-cache-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const server = await redis(directory);
    t.teardown(() => server.stop());
    const client = createClient({ socket: { path: server.path, reconnectStrategy: 20 } });
    client.on('error', () => {});
    const adapter = new KeyvRedis(client);
    const keyv = new Keyv(adapter, { throwOnErrors: true });
    keyv.on('error', () => {});
    await keepsTheContract(t, new KeyvStore(keyv));

    const origin = new StubTransport(
      (_, n) =>
        new Response(200, { headers: { 'cache-control': 'max-age=60' }, text: `body ${n}` }),
    );
    const errors: unknown[] = [];
    const make = (): CacheMiddleware =>
      new CacheMiddleware(origin, {
        store: new KeyvStore(keyv),
        storeTimeout: 250,
        onError: (error) => errors.push(error),
      });
    t.equal(await (await make().request('GET', 'http://h.test/')).text(), 'body 0');
    t.equal(await (await make().request('GET', 'http://h.test/')).text(), 'body 0');
    t.strictSame(errors, []);

    await server.stop();
    t.equal(await (await make().request('GET', 'http://h.test/')).text(), 'body 1');
    t.ok(errors.length > 0, 'onError hears of it');
    client.destroy();
  },
);
