import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { collect } from './collect.ts';
import { deferred } from './deferred.ts';
import { fixture } from './fixtures.ts';
import { random } from './random.ts';
import { rejection } from './rejection.ts';

t.test('deferred() is settled from outside', async (t) => {
  const [gate, failure] = [deferred(), deferred<number>()];
  void sleep(1).then(() => gate.resolve());
  t.equal(await gate.promise, undefined);
  failure.reject('no');
  t.equal(await rejection(failure.promise), 'no');
});

t.test('rejection() gives the reason, and insists on one of the right type', async (t) => {
  const reason = new RangeError('far');
  t.equal(await rejection(Promise.reject(reason), RangeError), reason);
  const wrongType = rejection(Promise.reject(reason), TypeError);
  await t.rejects(wrongType, { message: 'expected a TypeError, got RangeError: far' });
  await t.rejects(rejection(Promise.resolve(1)), { message: 'expected a rejection, got 1' });
});

t.test('random() repeats itself, and keeps within its bounds', (t) => {
  const [one, two, other] = [random(7), random(7), random(8)];
  t.same(one.bytes(16), two.bytes(16));
  t.not(one(), other());
  const seen = new Set(Array.from({ length: 200 }, () => one.int(-1, 2)));
  t.same(seen, new Set([-1, 0, 1, 2]));
  t.ok(['a', 'b'].includes(one.pick(['a', 'b'])));
  t.throws(() => one.pick([]), RangeError);
  t.end();
});

t.test('collect() joins bytes', async (t) => {
  t.equal((await collect([Buffer.from('a'), Buffer.from('b')])).toString(), 'ab');
});

t.test('fixture() finds files from the root, wherever the test was compiled to', (t) => {
  t.notMatch(fixture('test/support/fixtures.ts'), /build/);
  t.throws(() => fixture('no/such/file'), { message: 'no fixture no/such/file' });
  t.end();
});
