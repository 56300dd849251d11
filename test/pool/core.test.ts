import t from 'tap';
import type { Waiter } from '../../src/pool/waiter.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { random } from '../support/random.ts';
import { exchangeFor, PretendPool } from './pretend-pool.ts';

assertNoLeaks(t);

t.test('a request takes the idle connection that was used last', async (t) => {
  const pool = new PretendPool();
  const [first, second] = pool.idle('a', 2);
  t.equal(pool.submit(exchangeFor('a', '/1')), null);
  t.strictSame(pool.owed(), ['send /1']);
  t.equal(second?.state, 'busy');
  t.equal(first?.state, 'idle');
  t.strictSame(pool.problems(), []);
});

t.test('else a new one is opened, as far as the limits go; then it waits', async (t) => {
  const pool = new PretendPool({ maxConnections: 2 });
  t.equal(pool.submit(exchangeFor('a', '/1')), null);
  t.equal(pool.submit(exchangeFor('b', '/2')), null);
  const waiter = pool.submit(exchangeFor('a', '/3'));
  t.not(waiter, null);
  t.strictSame(pool.owed(), ['open a', 'open b']);
  t.equal(pool.core.waiting, 1);
  t.equal(pool.core.waitingByOrigin['http://a.test'], 1);
  t.strictSame(pool.problems(), []);
});

t.test('the connection idle longest gives way to another origin', async (t) => {
  const pool = new PretendPool({ maxConnections: 2 });
  const [oldest] = pool.idle('a', 2);
  pool.submit(exchangeFor('b'));
  t.strictSame(pool.owed(), ['close a', 'open b']);
  t.equal(oldest?.state, 'free');
  t.strictSame(pool.problems(), []);
});

t.test('who waits is served in order', async (t) => {
  const pool = new PretendPool({ maxConnections: 1 });
  pool.submit(exchangeFor('a', '/0'));
  for (let i = 1; i <= 3; i++) pool.submit(exchangeFor('a', `/${i}`));
  pool.owed();
  const [slot] = pool.slots;
  if (slot === undefined) throw new Error('no slot');
  pool.open(slot);
  for (let i = 0; i <= 3; i++) {
    t.strictSame(pool.owed(), [`send /${i}`]);
    pool.end(slot);
  }
  t.equal(slot.state, 'idle');
  t.strictSame(pool.problems(), []);
});

t.test(
  'a connection goes to its own origin first, but overtakes no more than its share',
  async (t) => {
    const pool = new PretendPool({ maxConnections: 3 });
    for (let i = 0; i < 3; i++) pool.submit(exchangeFor('a'));
    const other = pool.submit(exchangeFor('b', '/b')) as Waiter;
    for (let i = 0; i < 10; i++) pool.submit(exchangeFor('a'));
    for (const slot of pool.slots) pool.open(slot);
    pool.owed();
    let overtook = 0;
    while (other.slot === null) {
      const [slot] = pool.slots;
      if (slot === undefined) throw new Error('no slot');
      pool.end(slot);
      if (pool.owed().includes('open b')) break;
      overtook++;
    }
    t.equal(overtook, 2, 'maxConnections - 1');
    t.strictSame(pool.problems(), []);
  },
);

t.test('an origin at its own limit holds nobody else back', async (t) => {
  const pool = new PretendPool({ maxConnections: 2, maxConnectionsPerOrigin: 1 });
  for (let i = 0; i < 3; i++) pool.submit(exchangeFor('a', `/a${i}`));
  pool.submit(exchangeFor('b', '/b0'));
  pool.submit(exchangeFor('c', '/c0'));
  t.strictSame(pool.owed(), ['open a', 'open b']);
  const [a, b] = pool.slots;
  if (a === undefined || b === undefined) throw new Error('no slots');
  pool.open(b);
  pool.owed();
  pool.end(b);
  t.strictSame(pool.owed(), ['close b', 'open c'], 'c, although a has waited longer');
  t.equal(pool.core.closed(a)?.exchange.request.target, '/a0');
  t.strictSame(pool.owed(), ['open a'], 'a is below its limit again');
  t.equal(pool.core.waitingByOrigin['http://a.test'], 1);
  t.strictSame(pool.problems(), []);
});

t.test('a connection that is opened serves whoever has waited longest', async (t) => {
  const pool = new PretendPool();
  pool.submit(exchangeFor('a', '/1'));
  pool.submit(exchangeFor('a', '/2'));
  const [one, two] = pool.slots;
  if (one === undefined || two === undefined) throw new Error('no slots');
  pool.owed();
  pool.open(two);
  t.strictSame(pool.owed(), ['bound a', 'send /1']);
  t.equal(one.waiter?.exchange.request.target, '/2', 'the second waits for the first one’s dial');
  pool.open(one);
  t.strictSame(pool.owed(), ['send /2']);
  t.strictSame(pool.problems(), []);
});

t.test(
  'a connection that comes free serves a dial’s waiter, whose dial is for the next',
  async (t) => {
    const pool = new PretendPool({ maxConnections: 2 });
    const [busy] = pool.idle('a', 1);
    if (busy === undefined) throw new Error('no slot');
    pool.submit(exchangeFor('a', '/0'));
    pool.submit(exchangeFor('a', '/1'));
    const queued = pool.submit(exchangeFor('a', '/2')) as Waiter;
    t.strictSame(pool.owed(), ['send /0', 'open a']);
    pool.end(busy);
    t.strictSame(pool.owed(), ['bound a', 'send /1']);
    const dial = queued.slot;
    t.equal(dial?.state, 'opening');
    t.equal(dial?.waiter, queued);
    pool.end(busy);
    t.strictSame(pool.owed(), ['send /2']);
    t.equal(dial?.waiter, null, 'the dial goes on for nobody in particular');
    if (dial !== null && dial !== undefined) pool.open(dial);
    t.equal(dial?.state, 'idle');
    t.strictSame(pool.problems(), []);
  },
);

t.test('a dial that fails is the failure of its waiter, and frees its place', async (t) => {
  const pool = new PretendPool({ maxConnections: 1 });
  pool.submit(exchangeFor('a', '/1'));
  pool.submit(exchangeFor('b', '/2'));
  pool.owed();
  const [slot] = pool.slots;
  if (slot === undefined) throw new Error('no slot');
  t.equal(pool.core.closed(slot)?.exchange.request.target, '/1');
  t.strictSame(pool.owed(), ['open b']);
  t.equal(pool.core.closed(slot), null, 'once');
  t.strictSame(pool.problems(), []);
});

t.test('who waits no more is taken out wherever it is', async (t) => {
  const pool = new PretendPool({ maxConnections: 1 });
  pool.submit(exchangeFor('a', '/1'));
  const dialled = pool.slots[0]?.waiter as Waiter;
  const queued = pool.submit(exchangeFor('a', '/2')) as Waiter;
  const last = pool.submit(exchangeFor('b', '/3')) as Waiter;
  pool.owed();
  pool.core.removed(dialled);
  t.strictSame(pool.owed(), ['bound a'], 'the dial is for the next');
  pool.core.removed(queued);
  t.strictSame(pool.owed(), ['close a', 'open b'], 'there is none: it is given up');
  pool.core.removed(last);
  t.strictSame(pool.owed(), ['close b']);
  pool.core.removed(last);
  t.strictSame(pool.owed(), []);
  t.equal(pool.core.slots.size, 0);
  t.strictSame(pool.problems(), []);
});

t.test('the second attempt of an exchange gets the connection that is opened for it', async (t) => {
  const pool = new PretendPool();
  const [slot] = pool.idle('a', 1);
  if (slot === undefined) throw new Error('no slot');
  const stale = exchangeFor('a', '/stale');
  pool.submit(stale);
  pool.submit(exchangeFor('a', '/other'));
  pool.owed();
  pool.core.reopen(slot, stale);
  t.strictSame(pool.owed(), ['open a']);
  pool.open(slot);
  t.strictSame(pool.owed(), ['send /stale'], 'not the one that has waited longer');

  pool.core.reopen(slot, stale);
  pool.owed();
  pool.core.removed(slot.waiter as Waiter);
  t.strictSame(pool.owed(), ['close a']);
  t.strictSame(pool.problems(), []);
});

t.test('a connection that is too old, full or spent is not given out', async (t) => {
  const pool = new PretendPool({ maxRequestsPerConnection: 3 });
  const reasons: readonly ((slot: ReturnType<PretendPool['idle']>[0]) => void)[] = [
    (slot) => (slot.retireAt = pool.now),
    (slot) => Object.assign(slot.connection as object, { room: 0 }),
    (slot) => Object.assign(slot.connection as object, { served: 3 }),
    (slot) => Object.assign(slot.connection as object, { keepAlive: { timeout: 5000, max: 1 } }),
  ];
  for (const reason of reasons) {
    const [slot] = pool.idle('a', 1);
    if (slot === undefined) throw new Error('no slot');
    reason(slot);
    pool.submit(exchangeFor('a'));
    t.strictSame(pool.owed(), ['close a', 'open a']);
    t.equal(slot.state, 'free');
    // What was opened instead is found again: its origin was not forgotten meanwhile.
    const [fresh] = pool.slots;
    if (fresh === undefined) throw new Error('no slot');
    pool.open(fresh);
    pool.owed();
    pool.end(fresh);
    pool.submit(exchangeFor('a', '/again'));
    t.strictSame(pool.owed(), ['send /again']);
    pool.core.closed(fresh);
    t.strictSame(pool.problems(), []);
  }
});

t.test('idle connections expire when the limit, the server or their age says', async (t) => {
  const cases = [
    [{}, Infinity, Infinity, 5000],
    [{ keepaliveExpiry: null }, Infinity, Infinity, Infinity],
    [{}, 4000, Infinity, 3000],
    [{}, 2000, Infinity, 1000],
    [{}, 1000, Infinity, 500],
    [{}, 60_000, Infinity, 5000],
    [{}, Infinity, 2000, 2000],
  ] as const;
  for (const [limits, timeout, age, expected] of cases) {
    const pool = new PretendPool(limits);
    pool.submit(exchangeFor('a'));
    const [slot] = pool.slots;
    if (slot === undefined) throw new Error('no slot');
    const connection = pool.open(slot);
    connection.keepAlive.timeout = timeout;
    slot.retireAt = pool.now + age;
    pool.end(slot);
    t.equal(connection.expiresAt, pool.now + expected);
  }
});

t.test('more may be idle than are kept until trim(), which takes the oldest', async (t) => {
  const pool = new PretendPool({ maxKeepaliveConnections: 2 });
  const slots = pool.idle('a', 4);
  t.equal(pool.core.hasExcess, true);
  pool.core.trim();
  t.strictSame(
    slots.map(({ state }) => state),
    ['free', 'free', 'idle', 'idle'],
  );
  t.equal(pool.core.hasExcess, false);
  t.strictSame(pool.owed(), ['close a', 'close a']);
  const none = new PretendPool({ maxKeepaliveConnections: 0 });
  t.equal(
    none.idle('a', 2).every(({ state }) => state === 'free'),
    true,
  );
});

t.test('a full queue leaves nothing behind', async (t) => {
  const pool = new PretendPool({ maxConnections: 1, maxQueue: 1 });
  pool.submit(exchangeFor('a'));
  pool.submit(exchangeFor('b'));
  for (let i = 0; i < 10; i++) t.equal(pool.submit(exchangeFor(`c${i}`)), 'full');
  t.equal(pool.core.waiting, 1);
  t.strictSame(pool.problems(), []);
});

t.test('while it closes, who waits is served and nothing is kept', async (t) => {
  const pool = new PretendPool({ maxConnections: 2, maxConnectionsPerOrigin: 1 });
  const [a] = pool.idle('a', 1);
  pool.submit(exchangeFor('a', '/1'));
  pool.submit(exchangeFor('b', '/2'));
  pool.submit(exchangeFor('b', '/3'));
  pool.owed();
  if (a === undefined) throw new Error('no slot');
  pool.core.closing = true;
  pool.end(a);
  t.strictSame(pool.owed(), ['close a'], 'though somebody waits, whom it cannot help');
  const [b] = pool.slots;
  if (b === undefined) throw new Error('no slot');
  pool.open(b);
  pool.end(b);
  t.strictSame(pool.owed(), ['send /2', 'send /3']);
  pool.end(b);
  t.strictSame(pool.owed(), ['close b']);
  t.equal(pool.core.slots.size, 0);
});

t.test('nothing takes longer for 100,000 waiters than for ten', async (t) => {
  const pool = new PretendPool({ maxConnections: 1 });
  pool.submit(exchangeFor('z'));
  const waiters: Waiter[] = [];
  const hosts = Array.from({ length: 10 }, (_, n) => `host${n}`);
  const exchanges = Array.from({ length: 100_000 }, (_, n) => exchangeFor(hosts[n % 10] as string));
  const start = performance.now();
  for (const exchange of exchanges) waiters.push(pool.submit(exchange) as Waiter);
  const next = random(1);
  // Half of them leave, from anywhere; the others are served.
  for (const waiter of waiters) if (next() < 0.5) pool.core.removed(waiter);
  pool.core.owed.length = 0;
  let served = 0;
  for (let slot = pool.slots[0]; slot !== undefined; slot = pool.core.slots.values().next().value) {
    if (slot.state === 'opening') pool.open(slot);
    served += pool.core.owed.filter((each) => each.do === 'send').length;
    pool.core.owed.length = 0;
    if (slot.state === 'idle') break;
    pool.end(slot);
  }
  const took = performance.now() - start;
  t.equal(pool.core.waiting, 0);
  t.ok(served > 49_000, `${served} served`);
  t.ok(took < 3000, `${took} ms`);
  t.strictSame(pool.problems(), []);
});

t.test('whatever happens in whatever order, the books are right', async (t) => {
  for (let seed = 1; seed <= 500; seed++) {
    const next = random(seed);
    const pool = new PretendPool({
      maxConnections: next.int(1, 4),
      maxConnectionsPerOrigin: next.pick([null, 1, 2]),
      maxKeepaliveConnections: next.int(0, 3),
      maxQueue: next.pick([null, 2]),
    });
    for (let step = 0; step < 60; step++) {
      const slots = pool.slots;
      const waiters = [...pool.core.waiters()];
      next.pick<() => unknown>([
        () => pool.submit(exchangeFor(next.pick(['a', 'b', 'c']))),
        () => pool.submit(exchangeFor(next.pick(['a', 'b', 'c']))),
        () => waiters.length > 0 && pool.core.removed(next.pick(waiters)),
        () => pool.core.trim(),
        () => next() < 0.1 && pool.core.closeIdle(),
        ...slots.map((slot) => () => {
          if (next() < 0.2) pool.core.closed(slot);
          else if (slot.state === 'opening') pool.open(slot);
          else if (slot.state === 'busy') pool.end(slot);
        }),
      ])();
      pool.owed();
      const problems = pool.problems();
      if (problems.length > 0) {
        t.strictSame(problems, [], `seed ${seed}, step ${step}`);
        return;
      }
    }
  }
});

/** A pool of one connection, which takes two more GETs beside the one under way. */
function sharing(maxConnections = 1) {
  const pool = new PretendPool({ maxConnections });
  const [slot] = pool.idle('a', 1);
  if (slot === undefined) throw new Error('no slot');
  Object.assign(slot.connection as object, { depth: 2 });
  pool.submit(exchangeFor('a', '/0'));
  pool.owed();
  pool.offer(slot);
  return { pool, slot };
}

t.test(
  'a request goes to a busy connection that takes more, where it would have to wait',
  async (t) => {
    const { pool } = sharing();
    t.equal(pool.submit(exchangeFor('a', '/1')), null);
    t.equal(pool.submit(exchangeFor('a', '/2')), null);
    t.strictSame(pool.owed(), ['send /1', 'send /2']);
    t.equal(pool.core.working, 1);
    t.strictSame(pool.problems(), []);
  },
);

t.test('but a new connection is opened first', async (t) => {
  const { pool } = sharing(2);
  pool.submit(exchangeFor('a', '/1'));
  t.strictSame(pool.owed(), ['open a']);
});

t.test('what a busy connection does not take waits, and nobody overtakes it', async (t) => {
  const { pool, slot } = sharing();
  t.not(pool.submit(exchangeFor('a', '/post', undefined, 'POST')), null);
  t.not(pool.submit(exchangeFor('a', '/behind')), null);
  pool.offer(slot);
  t.strictSame(pool.owed(), []);
  pool.end(slot);
  t.strictSame(pool.owed(), ['send /post']);
  t.strictSame(pool.problems(), []);
});

t.test('who waits gets the places of a busy connection in order', async (t) => {
  const { pool, slot } = sharing();
  const sent = [1, 2, 3, 4].flatMap((i) => {
    pool.submit(exchangeFor('a', `/${i}`));
    return pool.owed();
  });
  t.strictSame(sent, ['send /1', 'send /2']);
  Object.assign(slot.connection as object, { room: 1 });
  pool.offer(slot);
  t.strictSame(pool.owed(), ['send /3']);
  t.strictSame(pool.problems(), []);
});

t.test('a connection is not kept busy for ever while another origin waits', async (t) => {
  const { pool, slot } = sharing();
  pool.submit(exchangeFor('b', '/b'));
  for (let i = 1; i <= 4; i++) t.not(pool.submit(exchangeFor('a', `/${i}`)), null);
  pool.offer(slot);
  t.strictSame(pool.owed(), [], 'with one connection nobody is overtaken');
  pool.end(slot);
  t.strictSame(pool.owed(), ['close a', 'open b']);
  t.strictSame(pool.problems(), []);
});
