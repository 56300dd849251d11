import { Duplex } from 'node:stream';
import t from 'tap';
import { Headers } from '../../src/messages/headers.ts';
import { Response } from '../../src/messages/response.ts';
import { WatchedSource, type BodyEnd } from '../../src/messages/watched-source.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

assertNoLeaks(t);

/** A response of which every end is noted. */
function watched(source: StubSource): { ends: BodyEnd[]; response: Response } {
  const ends: BodyEnd[] = [];
  const body = new WatchedSource(source, (end) => ends.push(end));
  return { ends, response: new Response(200, { body }) };
}

t.test('it tells once that a body has been read to its end', async (t) => {
  const { ends, response } = watched(new StubSource('ab', 'c'));
  t.equal(await response.text(), 'abc');
  await response.close();
  t.strictSame(ends, [{ how: 'whole' }]);
  t.equal(response.bytesDownloaded, 3);
});

t.test('a source that gives all at once still does', async (t) => {
  const source = Object.assign(new StubSource('never'), {
    rest: async () => Buffer.from('all'),
  });
  const { ends, response } = watched(source);
  t.equal(await response.text(), 'all');
  t.equal(source.pulls, 0);
  t.strictSame(ends, [{ how: 'whole' }]);
});

t.test('closed', async (t) => {
  const source = new StubSource('ab');
  const { ends, response } = watched(source);
  await response.close();
  t.strictSame(ends, [{ how: 'closed' }]);
  t.equal(source.cancels, 1);
});

t.test('broken, by pieces and all at once', async (t) => {
  const error = new Error('cut');
  const first = watched(new StubSource('ab', error));
  t.equal(await rejection(first.response.text()), error);
  t.strictSame(first.ends, [{ how: 'broken', error }]);
  const rest = (): Promise<never> => Promise.reject(error);
  const second = watched(Object.assign(new StubSource(), { rest }));
  t.equal(await rejection(second.response.text()), error);
  t.strictSame(second.ends, [{ how: 'broken', error }]);
});

t.test('what is read raw goes past it, and is told of all the same', async (t) => {
  const { ends, response } = watched(StubSource.around(new StubSource('wire'), 'decoded'));
  let raw = '';
  for await (const piece of response.iterRaw()) raw += Buffer.from(piece).toString();
  t.equal(raw, 'wire');
  t.equal(response.bytesDownloaded, 4);
  t.strictSame(ends, [{ how: 'whole' }]);
});

t.test('a connection that is handed over ends it', (t) => {
  const duplex = new Duplex();
  const { ends, response } = watched(Object.assign(new StubSource(), { upgrade: () => duplex }));
  t.equal(response.upgrade(), duplex);
  t.strictSame(ends, [{ how: 'whole' }]);
  t.end();
});

t.test('trailers come through', async (t) => {
  const source = new StubSource('a');
  const { response } = watched(source);
  source.trailers = new Headers({ 'x-sum': '1' });
  await response.text();
  t.equal(response.trailers?.get('x-sum'), '1');
});
