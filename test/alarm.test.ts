import t from 'tap';
import { Alarm } from '../src/alarm.ts';
import { assertNoLeaks } from './support/leaks.ts';

assertNoLeaks(t);

/** An alarm, and the times at which it rang. */
function alarm(): { alarm: Alarm; rings: number[]; rung: (count: number) => Promise<void> } {
  const rings: number[] = [];
  let wake = (): void => {};
  const made = new Alarm(() => {
    rings.push(performance.now());
    wake();
  });
  const rung = async (count: number): Promise<void> => {
    while (rings.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { alarm: made, rings, rung };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An alarm is unref'd: somebody has to stay awake. */
const awake = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(awake));

t.test('it rings once, never early', async (t) => {
  for (const wait of [0.2, 1, 7.7, 30]) {
    const { alarm: it, rings, rung } = alarm();
    const at = performance.now() + wait;
    it.set(at);
    await rung(1);
    t.ok((rings[0] ?? 0) >= at, `${(rings[0] ?? 0) - at} ms late`);
    await pause(20);
    t.equal(rings.length, 1);
    it.stop();
  }
});

t.test('a bound that is moved back and forth rings at the last time set', async (t) => {
  const { alarm: it, rings, rung } = alarm();
  const now = performance.now();
  it.set(now + 20);
  it.set(now + 120);
  await pause(50);
  t.equal(rings.length, 0, 'moved on, without another timer');
  it.set(now + 80);
  await rung(1);
  t.ok((rings[0] ?? 0) >= now + 80 && (rings[0] ?? 0) < now + 115);
  it.set(performance.now() - 5);
  await rung(2);
  it.stop();
});

t.test('clear() and stop() silence it, and it can be set again', async (t) => {
  const { alarm: it, rings, rung } = alarm();
  it.set(performance.now() + 10);
  it.clear();
  await pause(30);
  it.set(performance.now() + 10);
  it.stop();
  it.stop();
  await pause(30);
  t.equal(rings.length, 0);
  it.set(performance.now() + 10);
  await rung(1);
  it.set(Infinity);
  it.stop();
});

t.test('it may be set again from within', async (t) => {
  let left = 3;
  const done = new Promise<void>((resolve) => {
    const it = new Alarm(() => {
      if (--left === 0) {
        it.stop();
        resolve();
      } else it.set(performance.now() + 5);
    });
    it.set(performance.now() + 5);
  });
  await done;
  t.equal(left, 0);
});

t.test('a time beyond what a timer can wait for does not ring at once', async (t) => {
  const { alarm: it, rings } = alarm();
  it.set(performance.now() + 2 ** 40);
  await pause(30);
  t.equal(rings.length, 0);
  it.stop();
});
