import t from 'tap';
import { ClosedError } from '../../src/errors.ts';
import type { BodySource } from '../../src/messages/body-source.ts';
import { Headers } from '../../src/messages/headers.ts';
import { concatenated } from '../../src/messages/pieces.ts';
import { Tee, type TeeBounds } from '../../src/middleware/dedupe/tee.ts';
import { turn } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { random } from '../support/random.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

assertNoLeaks(t);

const WIDE: TeeBounds = { maxBuffer: Infinity, maxStall: Infinity };

function tee(
  source: BodySource,
  count: number,
  bounds: Partial<TeeBounds> = {},
  onStalled: (place: number) => void = () => t.fail('nobody is slow here'),
): BodySource[] {
  return [...new Tee(source, count, { ...WIDE, ...bounds }, onStalled).branches];
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);
const next = async (branch: BodySource | undefined): Promise<string | null> =>
  text((await branch?.pull()) ?? null);
const rest = async (branch: BodySource | undefined): Promise<string | null> =>
  text(await concatenated(branch as BodySource));

t.test('each reader gets the whole body, at its own pace', async (t) => {
  const source = new StubSource('one ', 'two ', 'three');
  const [a, b, c] = tee(source, 3);
  t.equal(await next(a), 'one ');
  t.equal(await next(a), 'two ');
  t.equal(await next(b), 'one ');
  t.equal(source.pulls, 2);
  t.equal(await rest(c), 'one two three');
  t.equal(await rest(a), 'three');
  t.equal(await rest(b), 'two three');
  t.equal(await next(a), null);
  t.equal(source.pulls, 4);
  t.strictSame(
    [a, b, c].map((each) => each?.bytesReceived),
    [13, 13, 13],
  );
});

t.test('readers that wait for the same piece get it together', async (t) => {
  const piece = deferred<string>();
  const [a, b] = tee(new StubSource(piece.promise), 2);
  const both = [next(a), next(b)];
  piece.resolve('x');
  t.strictSame(await Promise.all(both), ['x', 'x']);
});

t.test('what a reader does to a piece, the others do not see', async (t) => {
  const original = new Uint8Array([1, 2, 3]);
  const [a, b] = tee(new StubSource(Buffer.from(original), original), 2);
  for (let pieces = 0; pieces < 2; pieces++) {
    const first = await a?.pull();
    first?.fill(0);
    t.strictSame([...((await b?.pull()) ?? [])], [1, 2, 3]);
  }
});

t.test('trailers are there for a reader when its body has ended', async (t) => {
  const source = new StubSource('x');
  const [a, b] = tee(source, 2);
  source.trailers = new Headers({ 'x-sum': '1' });
  t.equal(await next(a), 'x');
  t.equal(a?.trailers, null);
  t.equal(await next(a), null);
  t.equal(a?.trailers?.get('x-sum'), '1');
  t.equal(await rest(b), 'x');
});

t.test('a failure comes to each reader behind what came before it', async (t) => {
  const failure = new Error('broke');
  const [a, b] = tee(new StubSource('one', failure), 2);
  t.equal(await next(a), 'one');
  t.equal(await rejection(a?.pull() ?? Promise.resolve()), failure);
  t.equal(await next(b), 'one');
  t.equal(await rejection(b?.pull() ?? Promise.resolve()), failure);
  t.equal(await rejection(b?.pull() ?? Promise.resolve()), failure);
});

t.test('the source is cancelled when the last reader has gone', async (t) => {
  const source = new StubSource('one', 'two', 'three');
  const [a, b, c] = tee(source, 3);
  t.equal(await next(a), 'one');
  await a?.cancel();
  await b?.cancel();
  await b?.cancel();
  t.equal(source.cancels, 0);
  t.equal(await next(c), 'one');
  await c?.cancel();
  t.equal(source.cancels, 1);
  await rejection(c?.pull() ?? Promise.resolve(), ClosedError);
});

t.test('a reader that is closed while it waits is told, and the others go on', async (t) => {
  const piece = deferred<string>();
  const [a, b] = tee(new StubSource(piece.promise), 2);
  const waiting = next(a);
  const other = next(b);
  await a?.cancel();
  await rejection(waiting, ClosedError);
  piece.resolve('x');
  t.equal(await other, 'x');
});

t.test('a piece that comes when all have gone is nothing to anybody', async () => {
  for (const last of ['x', new Error('late')]) {
    const piece = deferred<string | Error>();
    const [a] = tee(new StubSource(piece.promise), 1);
    const waiting = next(a);
    await a?.cancel();
    await rejection(waiting, ClosedError);
    piece.resolve(last);
    await turn();
    await rejection(a?.pull() ?? Promise.resolve(), ClosedError);
  }
});

t.test('the source waits for the slowest, once maxBuffer is kept for it', async (t) => {
  const source = new StubSource('1234', '5678', '9');
  const [a, b] = tee(source, 2, { maxBuffer: 6 });
  t.equal(await next(a), '1234');
  t.equal(await next(a), '5678');
  const third = next(a);
  await turn();
  t.equal(source.pulls, 2, '8 bytes are kept');
  t.equal(await next(b), '1234');
  t.equal(await third, '9', '4 bytes are');
  t.equal(await rest(b), '56789');
  t.equal(await next(a), null);
});

t.test('the source goes on when the slowest leaves', async (t) => {
  const source = new StubSource('1234', '5678');
  const [a, b] = tee(source, 2, { maxBuffer: 1 });
  t.equal(await next(a), '1234');
  const second = next(a);
  await turn();
  t.equal(source.pulls, 1);
  await b?.cancel();
  t.equal(await second, '5678');
  t.equal(await next(a), null);
});

t.test('who holds the others up for maxStall is reported, and they go on without it', async (t) => {
  const source = new StubSource('1', '2', '3', '4');
  const stalled: number[] = [];
  const branches = tee(source, 3, { maxBuffer: 2, maxStall: 10 }, (place) => {
    stalled.push(place);
    void branches[place]?.cancel();
  });
  const [a, b, c] = branches;
  t.equal(await next(b), '1');
  const began = performance.now();
  t.equal(await rest(a), '1234');
  t.ok(performance.now() - began >= 9);
  t.strictSame(
    stalled,
    [2, 1],
    'the one that had read nothing, then the one that had read a piece',
  );
  await rejection(c?.pull() ?? Promise.resolve(), ClosedError);
});

t.test('nobody is reported where the one who was held up has gone', async (t) => {
  const [a, b] = tee(new StubSource('1', '2'), 2, { maxBuffer: 1, maxStall: 5 });
  t.equal(await next(a), '1');
  const waiting = next(a);
  await turn();
  await a?.cancel();
  await rejection(waiting, ClosedError);
  const until = performance.now() + 10;
  while (performance.now() < until) await turn();
  t.equal(await rest(b), '12');
});

t.test('whoever reads when: all get the same, and no more is kept than may be', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const chance = random(seed);
    const pieces = Array.from({ length: chance.int(0, 40) }, (_, i) =>
      `${i}.`.repeat(chance.int(1, 5)),
    );
    const source = new StubSource(...pieces);
    const maxBuffer = chance.int(1, 60);
    const branches = tee(source, chance.int(1, 4), { maxBuffer });
    let behind = 0;
    const read = async (branch: BodySource): Promise<string> => {
      let whole = '';
      for (let piece = await next(branch); piece !== null; piece = await next(branch)) {
        whole += piece;
        const least = Math.min(...branches.map(({ bytesReceived }) => bytesReceived));
        behind = Math.max(behind, source.bytesReceived - least);
        for (let turns = chance.int(0, 2); turns > 0; turns--) await turn();
      }
      return whole;
    };
    const all = await Promise.all(branches.map(read));
    const longest = Math.max(0, ...pieces.map(({ length }) => length));
    t.ok(
      all.every((each) => each === pieces.join('')),
      `seed ${seed}: the same`,
    );
    t.ok(behind <= maxBuffer + longest, `seed ${seed}: ${behind} bytes kept`);
  }
});
