import t from 'tap';
import { LinkedSignal } from '../../src/messages/linked-signal.ts';
import { Request } from '../../src/messages/request.ts';
import { assertNoLeaks } from '../support/leaks.ts';

assertNoLeaks(t);

t.test('it is aborted by the one that it follows, with that one’s reason', (t) => {
  const controller = new AbortController();
  const signal = new LinkedSignal(controller.signal);
  let told = 0;
  signal.addEventListener('abort', () => told++);
  signal.addEventListener('abort', { handleEvent: () => told++ });
  signal.throwIfAborted();
  const reason = new Error('enough');
  controller.abort(reason);
  t.equal(told, 2);
  t.equal(signal.aborted, true);
  t.equal(signal.reason, reason);
  t.throws(() => signal.throwIfAborted(), reason);
  signal.abort(new Error('later'));
  t.equal(signal.reason, reason, 'whoever is first gives the reason');
  t.end();
});

t.test('it is aborted by itself, and the other one is not', (t) => {
  const controller = new AbortController();
  const signal = new LinkedSignal(controller.signal);
  let told = 0;
  signal.addEventListener('abort', () => told++);
  signal.abort('own');
  controller.abort('other');
  signal.abort('again');
  t.equal(told, 1);
  t.equal(signal.reason, 'own');
  t.end();
});

t.test('it listens to the other one only while somebody listens to it', (t) => {
  const calls: string[] = [];
  const followed = Object.assign(new AbortController().signal, {
    addEventListener: () => calls.push('add'),
    removeEventListener: () => calls.push('remove'),
  });
  const signal = new LinkedSignal(followed);
  t.strictSame(calls, []);
  const [one, two] = [() => {}, () => {}];
  signal.addEventListener('abort', one);
  signal.addEventListener('abort', two);
  signal.addEventListener('other', two);
  signal.removeEventListener('abort', one);
  signal.removeEventListener('abort', one);
  t.strictSame(calls, ['add']);
  signal.removeEventListener('abort', two);
  t.strictSame(calls, ['add', 'remove']);
  t.end();
});

t.test('it does where the library, and Node, look at a signal', async (t) => {
  const signal = new LinkedSignal(null);
  t.equal(new Request('GET', 'http://h/', { signal }).signal, signal);
  const { setTimeout: delay } = await import('node:timers/promises');
  const waiting = delay(60_000, undefined, { signal });
  let told: string | undefined;
  signal.onabort = (event) => (told = event.type);
  t.type(signal.onabort, 'function');
  signal.abort(new Error('enough'));
  await t.rejects(waiting, { name: 'AbortError' });
  t.equal(told, 'abort');
  signal.addEventListener('abort', () => t.fail('it comes once'));
});
