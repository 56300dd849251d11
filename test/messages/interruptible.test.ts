import t from 'tap';
import { interruptible } from '../../src/messages/interruptible.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';

assertNoLeaks(t);

const reason = new Error('enough');

t.test('without a signal it is the work', async (t) => {
  t.equal(await interruptible(Promise.resolve(7), null), 7);
  t.equal(await rejection(interruptible(Promise.reject(reason), null)), reason);
});

t.test('an abort ends the wait; what comes later is discarded', async (t) => {
  const controller = new AbortController();
  const gate = deferred<string>();
  const late: string[] = [];
  const waiting = interruptible(gate.promise, controller.signal, (each) => late.push(each));
  controller.abort(reason);
  t.equal(await rejection(waiting), reason);
  gate.resolve('late');
  await gate.promise;
  t.strictSame(late, ['late']);
});

t.test(
  'a signal that is aborted already ends it, and what the work fails with is unheard',
  async (t) => {
    const signal = AbortSignal.abort(reason);
    t.equal(await rejection(interruptible(Promise.reject(new Error('unheard')), signal)), reason);
  },
);

t.test('an abort after the end does nothing', async (t) => {
  const controller = new AbortController();
  const late: number[] = [];
  t.equal(await interruptible(Promise.resolve(7), controller.signal, (each) => late.push(each)), 7);
  controller.abort(reason);
  t.strictSame(late, []);
});
