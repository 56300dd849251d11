import { getEventListeners } from 'node:events';
import t from 'tap';
import { unwatchAbort, watchAbort, type AbortListener } from '../../src/messages/abort-watch.ts';

/** A listener that writes its name down. */
function listener(name: string, told: string[]): AbortListener {
  return { onAbort: (reason) => void told.push(`${name}: ${String(reason)}`) };
}

t.test('a signal has one listener, however many requests it is for', async (t) => {
  const { signal } = new AbortController();
  const all = Array.from({ length: 1000 }, (_, i) => listener(`${i}`, []));
  for (const each of all) watchAbort(signal, each);
  t.equal(getEventListeners(signal, 'abort').length, 1);
  for (const each of all.slice(1)) unwatchAbort(signal, each);
  t.equal(getEventListeners(signal, 'abort').length, 1);
  unwatchAbort(signal, all[0] as AbortListener);
  t.equal(getEventListeners(signal, 'abort').length, 0, 'and none once nobody waits');
});

t.test('an abort is told to each, in order, but to those that have gone', async (t) => {
  const controller = new AbortController();
  const told: string[] = [];
  const [a, b, c] = [listener('a', told), listener('b', told), listener('c', told)] as const;
  for (const each of [a, b, c]) watchAbort(controller.signal, each);
  unwatchAbort(controller.signal, b);
  controller.abort('enough');
  t.strictSame(told, ['a: enough', 'c: enough']);
});

t.test('one that goes while the others are told is not told', async (t) => {
  const controller = new AbortController();
  const told: string[] = [];
  const second = listener('second', told);
  watchAbort(controller.signal, {
    onAbort: () => unwatchAbort(controller.signal, second),
  });
  watchAbort(controller.signal, second);
  controller.abort();
  t.strictSame(told, []);
});

t.test('signals do not know of one another', async (t) => {
  const first = new AbortController();
  const second = new AbortController();
  const told: string[] = [];
  watchAbort(first.signal, listener('first', told));
  watchAbort(second.signal, listener('second', told));
  second.abort('it');
  t.strictSame(told, ['second: it']);
  unwatchAbort(first.signal, listener('never added', told));
  t.equal(getEventListeners(first.signal, 'abort').length, 1);
});
