import t from 'tap';
import {
  DEFAULT_TIMEOUTS,
  resolveTimeouts,
  type ResolvedTimeouts,
  type TimeoutInit,
} from '../../src/messages/timeout.ts';

const base: ResolvedTimeouts = { connect: 1, read: 2, write: 3, pool: 4 };

t.test('the four waits are five seconds each, unless said otherwise', async (t) => {
  t.same(DEFAULT_TIMEOUTS, { connect: 5000, read: 5000, write: 5000, pool: 5000 });
});

t.test('one number is for all waits, null for no bound, a record for some', async (t) => {
  const cases: [TimeoutInit | undefined, ResolvedTimeouts][] = [
    [undefined, base],
    [7, { connect: 7, read: 7, write: 7, pool: 7 }],
    [0.5, { connect: 0.5, read: 0.5, write: 0.5, pool: 0.5 }],
    [null, { connect: Infinity, read: Infinity, write: Infinity, pool: Infinity }],
    [Infinity, { connect: Infinity, read: Infinity, write: Infinity, pool: Infinity }],
    [{}, base],
    [{ read: 7 }, { ...base, read: 7 }],
    [
      { connect: null, pool: undefined },
      { ...base, connect: Infinity },
    ],
    [
      { connect: 7, read: 8, write: 9, pool: 10 },
      { connect: 7, read: 8, write: 9, pool: 10 },
    ],
  ];
  for (const [init, resolved] of cases)
    t.same(resolveTimeouts(init, base), resolved, JSON.stringify(init));
  t.equal(resolveTimeouts(undefined, base), base, 'nothing is made where nothing is asked for');
});

t.test('what is no time is a TypeError that says what was expected and what came', async (t) => {
  const cases: [unknown, string][] = [
    [0, 'timeout: expected milliseconds above 0, or null for no bound, got 0'],
    [-1, 'timeout: expected milliseconds above 0, or null for no bound, got -1'],
    [NaN, 'timeout: expected milliseconds above 0, or null for no bound, got NaN'],
    ['5s', 'timeout: expected milliseconds, null or { connect, read, write, pool }, got string'],
    [true, 'timeout: expected milliseconds, null or { connect, read, write, pool }, got boolean'],
    [{ read: 0 }, 'timeout.read: expected milliseconds above 0, or null for no bound, got 0'],
    [{ pool: '5' }, 'timeout.pool: expected milliseconds above 0, or null for no bound, got 5'],
    [{ total: 5 }, 'timeout: there is no "total", only connect, read, write and pool'],
  ];
  for (const [init, message] of cases) {
    t.throws(() => resolveTimeouts(init as TimeoutInit, base), { name: 'TypeError', message });
  }
});
