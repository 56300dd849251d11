import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { OUTAGE, simulate, STRATEGIES, type Outcome } from '../../examples/outage/simulation.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { outputOf } from './program.ts';

assertNoLeaks(t);

// This file runs as build/test/examples/outage.test.js.
const docs = new URL('../../../docs/', import.meta.url);

/** A tenth of the clients, and a shorter outage. */
const SMALL = { ...OUTAGE, clients: 20, outage: [4000, 8000], until: 14_000 } as const;

t.test(
  'retries multiply the load; a budget bounds that, and a breaker takes the load away',
  async (t) => {
    const outcomes = new Map<string, Outcome>();
    for (const strategy of STRATEGIES) outcomes.set(strategy.name, await simulate(strategy, SMALL));
    const during = (name: string): number => outcomes.get(name)!.during;
    const calls = (20 * 4000) / 500;
    t.equal(during('no retries'), calls);
    t.ok(during('retries') > 3 * calls);
    // A fifth more, and what each client has in reserve.
    t.ok(during('retries with a budget') <= 1.2 * calls + 20 * 10);
    t.ok(during('budget and breaker') < during('retries with a budget'));
    for (const { name, load } of outcomes.values())
      t.strictSame(load.slice(-4), [10, 10, 10, 10], `${name}: all is well in the end`);
  },
);

t.test('time is real again afterwards', async (t) => {
  const before = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 5));
  t.ok(performance.now() - before >= 4);
  t.not(Math.random(), Math.random());
});

t.test('the table and the plot in the documents are what the program makes', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'outage-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'plot.svg');
  const table = await outputOf('outage', [path]);
  t.ok((await readFile(new URL('outage.md', docs), 'utf8')).includes(table), table);
  t.equal(await readFile(path, 'utf8'), await readFile(new URL('outage.svg', docs), 'utf8'));
});
