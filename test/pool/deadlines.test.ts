import t from 'tap';
import { Exchange } from '../../src/exchange.ts';
import { Request } from '../../src/messages/request.ts';
import { DEFAULT_TIMEOUTS } from '../../src/messages/timeout.ts';
import { Deadlines } from '../../src/pool/deadlines.ts';
import { Site } from '../../src/pool/site.ts';
import { Waiter } from '../../src/pool/waiter.ts';
import { assertNoLeaks } from '../support/leaks.ts';

assertNoLeaks(t);

const site = new Site('http://a.test');
const request = new Request('GET', 'http://a.test/');

function waiter(pool: number): Waiter {
  const exchange = new Exchange(request, { ...DEFAULT_TIMEOUTS, pool });
  return new Waiter(exchange, site, performance.now(), () => {});
}

t.test('waiters expire each at its own time, in order, and not before', async (t) => {
  const expired: { timeout: number; waited: number }[] = [];
  let wake = (): void => {};
  const deadlines = new Deadlines(({ exchange }) => {
    expired.push({ timeout: exchange.timeouts.pool, waited: exchange.elapsed });
    wake();
  });
  for (const timeout of [90, 30, 60, 30, Infinity]) deadlines.add(waiter(timeout));
  const gone = waiter(10);
  deadlines.add(gone);
  gone.inTime.remove();
  while (expired.length < 4)
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, 200);
    });
  t.strictSame(
    expired.map(({ timeout }) => timeout),
    [30, 30, 60, 90],
  );
  for (const { timeout, waited } of expired)
    t.ok(waited >= timeout && waited < timeout + 50, `${waited} ms of ${timeout}`);
  deadlines.stop();
});

t.test('one timer serves a hundred thousand', async (t) => {
  let count = 0;
  const deadlines = new Deadlines(() => count++);
  const waiters = Array.from({ length: 100_000 }, () => waiter(1000 * 60));
  const before = process.getActiveResourcesInfo().length;
  const start = performance.now();
  for (const each of waiters) deadlines.add(each);
  for (const each of waiters) each.inTime.remove();
  t.ok(performance.now() - start < 1000);
  t.ok(process.getActiveResourcesInfo().length <= before + 1);
  deadlines.stop();
  t.equal(count, 0);
});
