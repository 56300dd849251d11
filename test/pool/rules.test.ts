import t from 'tap';
import type { Connection } from '../../src/exchange.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import { Request } from '../../src/messages/request.ts';
import { Exchange } from '../../src/exchange.ts';
import { DEFAULT_TIMEOUTS } from '../../src/messages/timeout.ts';
import { MemoryBackend } from '../../src/network/memory.ts';
import { resolveLimits } from '../../src/pool/limits.ts';
import { Presence } from '../../src/pool/presence.ts';
import { mayRepeat } from '../../src/pool/repeat.ts';
import { describeSnapshot, snapshotOf } from '../../src/pool/snapshot.ts';
import { Targets } from '../../src/pool/targets.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { exchangeFor, PretendPool } from './pretend-pool.ts';

assertNoLeaks(t);

t.test('limits: what is not given is the default, null is none', async (t) => {
  t.strictSame(resolveLimits({}), {
    maxConnections: 100,
    maxConnectionsPerOrigin: Infinity,
    maxKeepaliveConnections: 20,
    keepaliveExpiry: 5000,
    maxConnectionAge: Infinity,
    maxRequestsPerConnection: Infinity,
    maxQueue: Infinity,
  });
  const none = Object.fromEntries(Object.keys(resolveLimits({})).map((name) => [name, null]));
  for (const value of Object.values(resolveLimits(none))) t.equal(value, Infinity);
  const least = { maxConnections: 1, maxKeepaliveConnections: 0, keepaliveExpiry: 0, maxQueue: 0 };
  t.match(resolveLimits(least), least);
  for (const [name, value] of [
    ['maxConnections', 0],
    ['maxConnections', Number.NaN],
    ['maxConnections', '5'],
    ['maxKeepaliveConnections', -1],
    ['maxConnectionAge', 0],
    ['maxRequestsPerConnection', 0],
    ['maxQueue', -1],
  ] as const)
    t.throws(() => resolveLimits({ [name]: value }), {
      message: new RegExp(`^limits.${name}: expected a number from \\d, or null`),
    });
});

t.test('repeat: once, where it does no harm and the body can be had again', async (t) => {
  const once = (): RequestInit['body'] => new Blob(['x']).stream();
  const key = { 'idempotency-key': '1' };
  const cases: readonly [method: string, init: RequestInit, unsent: boolean, may: boolean][] = [
    ['GET', {}, false, true],
    ['PUT', { body: 'x' }, false, true],
    ['PUT', { body: once() }, false, false],
    ['PUT', { body: once() }, true, true],
    ['POST', { body: 'x' }, false, false],
    ['POST', { body: 'x' }, true, true],
    ['POST', { body: 'x', headers: key }, false, true],
    ['POST', { body: once(), headers: key }, false, false],
    ['PATCH', {}, false, false],
    ['CONNECT', {}, false, false],
    ['PURGE', {}, false, false],
    ['GET', { signal: AbortSignal.abort() }, true, false],
  ];
  for (const [method, init, unsent, may] of cases) {
    const request = new Request(method, 'http://a.test/', init);
    const exchange = new Exchange(request, DEFAULT_TIMEOUTS);
    t.equal(mayRepeat(exchange, unsent), may, `${method}, ${unsent ? 'unsent' : 'sent'}`);
    exchange.attempt = 2;
    t.equal(mayRepeat(exchange, unsent), false, 'not a third time');
    exchange.finish();
  }
});

t.test('snapshot: each connection as it is, and who has been at it longest', async (t) => {
  const pool = new PretendPool({ maxConnections: 3 });
  const [idle] = pool.idle('a', 1);
  const old = exchangeFor('b', '/old');
  pool.submit(old);
  pool.submit(exchangeFor('c'));
  pool.owed();
  const busy = pool.slots[1];
  if (idle === undefined || busy === undefined) throw new Error('no slots');
  pool.open(busy);
  Object.assign(busy.connection as Connection, {
    current: old,
    protocol: 'http/1.1',
    remoteAddress: '127.0.0.1:80',
    opened: performance.now(),
  });
  const snapshot = snapshotOf(pool.core.slots, { 'http://a.test': 4, 'http://b.test': 3 });
  t.match(snapshot, {
    opening: 1,
    active: 1,
    idle: 1,
    waiting: 7,
    connections: [
      { origin: 'http://a.test', state: 'idle', busyFor: null },
      {
        origin: 'http://b.test',
        state: 'busy',
        protocol: 'http/1.1',
        remoteAddress: '127.0.0.1:80',
      },
      { origin: 'http://c.test', state: 'opening', protocol: null, requests: 0, idleFor: null },
    ],
    longestHolder: { origin: 'http://b.test' },
  });
  t.match(
    describeSnapshot(snapshot),
    /^1 active, 1 opening, 1 idle, 7 waiting; longest at it: http:\/\/b.test, for \d+ ms$/,
  );
  t.equal(describeSnapshot(snapshotOf([], {})), '0 active, 0 opening, 0 idle, 0 waiting');
});

t.test('presence: a timer that is there, and counts only while there is work', async (t) => {
  const refs = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = refs();
  const presence = new Presence();
  presence.set(false);
  t.equal(refs(), before);
  presence.set(true);
  presence.set(true);
  t.equal(refs(), before + 1);
  presence.set(false);
  t.equal(refs(), before);
  presence.set(true);
  t.equal(refs(), before + 1);
  presence.end();
  presence.end();
  t.equal(refs(), before);
});

t.test('targets: what an origin says of where to connect', async (t) => {
  const network = new MemoryBackend({});
  const targets = new Targets({} as ConstructorParameters<typeof Targets>[0], network);
  const cases = [
    ['http://a.test', 'a.test', 80, null, 'a.test'],
    ['http://a.test:8080', 'a.test', 8080, null, 'a.test:8080'],
    ['https://a.test', 'a.test', 443, 'a.test', 'a.test'],
    ['https://[::1]:8443', '::1', 8443, '::1', '[::1]:8443'],
  ] as const;
  for (const [origin, host, port, servername, authority] of cases) {
    const { network: target, http1 } = targets.of(origin);
    const tls = servername === null ? null : { servername, alpn: ['http/1.1'] };
    t.strictSame(target, { host, port, tls });
    t.equal(http1.host, authority);
    t.equal(targets.of(origin).network, target, 'made once');
  }
});
