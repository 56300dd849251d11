import t from 'tap';
import { MemoryStore } from '../../../src/middleware/cache.ts';
import { assertNoLeaks } from '../../support/leaks.ts';
import { bodyOf, keepsTheContract, put } from './store-contract.ts';

assertNoLeaks(t);

t.test('it keeps to the contract of stores', async (t) => {
  await keepsTheContract(t, new MemoryStore());
});

t.test('beyond maxEntries, what was not used for longest goes', async (t) => {
  const store = new MemoryStore({ maxEntries: 2 });
  for (const key of ['a', 'b']) await put(store, key, key, key);
  store.get('a');
  await put(store, 'c', 'c', 'c');
  t.strictSame(await Promise.all(['a', 'b', 'c'].map((key) => bodyOf(store, key))), [
    'a',
    null,
    'c',
  ]);
  t.equal(store.entries, 2);
});

t.test('beyond maxBytes too', async (t) => {
  const store = new MemoryStore({ maxBytes: 10_000 });
  for (const key of ['a', 'b', 'c', 'd']) {
    await put(store, key, key, 'x'.repeat(3000));
    t.ok(store.bytes <= 10_000);
  }
  t.equal(store.entries, 3);
  t.equal(await bodyOf(store, 'a'), null);
  await t.rejects(put(store, 'e', 'e', 'x'.repeat(6000), 'x'.repeat(6000)), {
    name: 'RangeError',
    message: "the body is larger than the store's maxBytes, 10000",
  });
  t.equal(store.entries, 3, 'what can never fit drives nothing out');
});

t.test('the bytes are counted back to nothing', async (t) => {
  const store = new MemoryStore();
  await put(store, 'a', 'a', 'x');
  await put(store, 'a', 'b', 'xyz');
  store.delete('a');
  t.equal(store.bytes, 0);
  await put(store, 'a', 'a', 'x');
  store.clear();
  t.strictSame([store.bytes, store.entries], [0, 0]);
});

t.test('a bound that is none is a TypeError', (t) => {
  t.throws(() => new MemoryStore({ maxEntries: 0 }), {
    name: 'TypeError',
    message: 'MemoryStore.maxEntries: expected a whole number from 1, got 0',
  });
  t.throws(() => new MemoryStore({ maxBytes: 1.5 }), { name: 'TypeError' });
  t.end();
});
