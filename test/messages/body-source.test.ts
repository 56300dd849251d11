import t from 'tap';
import { IterableSource } from '../../src/messages/body-source.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';

t.test('an iterable is a source: its pieces in turn, counted, and null at the end', async (t) => {
  const source = new IterableSource(
    (async function* () {
      yield Buffer.from('ab');
      yield Buffer.from('cde');
    })(),
  );
  t.equal(source.bytesReceived, 0);
  t.equal(String(await source.pull()), 'ab');
  t.equal(source.bytesReceived, 2);
  t.equal(String(await source.pull()), 'cde');
  t.equal(await source.pull(), null);
  t.equal(await source.pull(), null);
  t.equal(source.bytesReceived, 5);
  t.equal(source.trailers, null);
  await source.cancel();
});

t.test('to cancel a source ends the iterable, and may be done again', async (t) => {
  let ended = 0;
  const source = new IterableSource(
    (async function* () {
      try {
        for (;;) yield Buffer.from('x');
      } finally {
        ended++;
      }
    })(),
  );
  await source.pull();
  await source.cancel();
  await source.cancel();
  t.equal(ended, 1);
  t.equal(await source.pull(), null);
});

t.test('to cancel does not wait for a piece that may never come', async (t) => {
  const gate = deferred<Uint8Array>();
  let ended = false;
  const source = new IterableSource(
    (async function* () {
      try {
        yield await gate.promise;
      } finally {
        ended = true;
      }
    })(),
  );
  const piece = source.pull();
  await source.cancel();
  t.equal(ended, false, 'a generator cannot be stopped where it waits');
  gate.resolve(Buffer.from('x'));
  await piece;
  t.equal(await source.pull(), null);
  t.equal(ended, true);
});

t.test('to cancel resolves, whatever the iterable makes of it', async (t) => {
  const failing = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false as const, value: Buffer.from('x') }),
      return: () => Promise.reject(new Error('I did not want to end')),
    }),
  };
  const without = {
    [Symbol.asyncIterator]: () => ({ next: () => failing[Symbol.asyncIterator]().next() }),
  };
  for (const iterable of [failing, without]) {
    const source = new IterableSource(iterable);
    await source.pull();
    await t.resolves(source.cancel());
  }
});

t.test('an error of the iterable passes through', async (t) => {
  const reason = new Error('no more');
  const source = new IterableSource(
    (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x');
      throw reason;
    })(),
  );
  await source.pull();
  t.equal(await rejection(source.pull()), reason);
});
