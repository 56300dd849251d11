import type { Test } from 'tap';
import type { CacheStore, StoredHead } from '../../../src/middleware/cache.ts';
import type { BodySource } from '../../../src/messages/body-source.ts';

export function head(id: string, status = 200): StoredHead {
  return {
    kind: 'response',
    id,
    status,
    statusText: 'OK',
    httpVersion: '1.1',
    headers: [['X-Name', 'päper']],
    time: 1,
    age: 0,
  };
}

export async function put(
  store: CacheStore,
  key: string,
  id: string,
  ...pieces: (string | Uint8Array)[]
): Promise<void> {
  const writer = await store.set(key, head(id));
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    await writer.write(bytes);
    // It is the caller's again.
    bytes.fill(0);
  }
  await writer.commit();
}

/** The body under a key, as latin1; null where there is nothing. */
export async function bodyOf(store: CacheStore, key: string): Promise<string | null> {
  const entry = await store.get(key);
  return entry === undefined ? null : text(await entry.body());
}

export async function text(body: Uint8Array | BodySource): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString('latin1');
  const pieces: Uint8Array[] = [];
  for (let piece = await body.pull(); piece !== null; piece = await body.pull()) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

/** What every store keeps to; nothing is stored in this one yet. */
export async function keepsTheContract(t: Test, store: CacheStore): Promise<void> {
  const key = 'http://h.test/a?b=c\nAuthorization: Bearer ü';
  t.equal(await store.get(key), undefined, 'nothing is there at first');

  const every = Uint8Array.from({ length: 256 }, (_, at) => at);
  await put(store, key, 'one', every, 'two');
  t.equal(await bodyOf(store, key), Buffer.concat([every, Buffer.from('two')]).toString('latin1'));
  t.strictSame((await store.get(key))?.head, head('one'), 'a head comes back as it was');

  const writer = await store.set(key, head('half'));
  await writer.write(Buffer.from('half'));
  t.equal((await store.get(key))?.head.id, 'one', 'what is being written is not to be seen');
  await writer.abort();
  t.equal((await store.get(key))?.head.id, 'one', 'nor when it is given up');

  await store.update(key, head('other', 203));
  t.strictSame((await store.get(key))?.head, head('one'), 'another entry is not updated');
  await store.update(key, head('one', 203));
  t.strictSame((await store.get(key))?.head, head('one', 203), 'the same entry is');
  t.equal((await bodyOf(store, key))?.length, 259, 'and keeps its body');
  await store.update('http://h.test/none', head('none'));
  t.equal(await store.get('http://h.test/none'), undefined, 'what is not there is not updated');

  await put(store, key, 'two', 'new');
  t.equal(await bodyOf(store, key), 'new', 'what is stored replaces what was there');
  await put(store, 'http://h.test/empty', 'empty');
  t.equal(await bodyOf(store, 'http://h.test/empty'), '', 'a body may be empty');

  const large = 'x'.repeat(300_000);
  await put(store, 'http://h.test/large', 'large', large, large);
  t.equal((await bodyOf(store, 'http://h.test/large'))?.length, 600_000, 'or large');

  await store.delete(key);
  await store.delete('http://h.test/none');
  t.equal(await store.get(key), undefined, 'what was deleted is gone');
  t.equal(await bodyOf(store, 'http://h.test/empty'), '', 'and only that');
}
