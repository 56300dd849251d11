import { Duplex } from 'node:stream';
import t from 'tap';
import type { BodySink, BodySource } from '../../src/messages/body-source.ts';
import { Headers } from '../../src/messages/headers.ts';
import { InspectedSource, PassingSource, type BodyEnd } from '../../src/messages/passing-source.ts';
import { Response } from '../../src/messages/response.ts';
import { collect } from '../support/collect.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

assertNoLeaks(t);

/** What a source was asked for, and how it ended. */
interface Notes {
  readonly ends: BodyEnd[];
  readings: number;
}

class Noted extends PassingSource {
  readonly notes: Notes;

  constructor(source: BodySource, notes: Notes = { ends: [], readings: 0 }) {
    super(source, source.inner && new Noted(source.inner, notes));
    this.notes = notes;
  }

  protected override reading<T>(read: () => Promise<T>): Promise<T> {
    this.notes.readings++;
    return read();
  }

  protected override ended(end: BodyEnd): void {
    this.notes.ends.push(end);
  }
}

/** A source that can give all at once, and lend its pieces. */
function capable(...pieces: string[]): StubSource & Required<Pick<BodySource, 'rest' | 'consume'>> {
  return Object.assign(new StubSource(...pieces), {
    rest: async () => Buffer.from(pieces.join('')),
    consume: async (sink: BodySink) => {
      for (const piece of pieces) sink(Buffer.from(piece));
    },
  });
}

t.test('what a source gives all at once, or lends, goes through as one reading', async (t) => {
  const source = capable('ab', 'c');
  const all = new Noted(source);
  t.equal(await new Response(200, { body: all }).text(), 'abc');
  const lent = new Noted(source);
  const pieces: string[] = [];
  const count = await new Response(200, { body: lent }).consume((piece) => {
    pieces.push(Buffer.from(piece).toString());
  });
  t.equal(count, 3);
  t.same(pieces, ['ab', 'c']);
  t.equal(source.pulls, 0);
  for (const { notes } of [all, lent]) t.same(notes, { ends: [{ how: 'whole' }], readings: 1 });
});

t.test('what a source has by pieces alone is had in every way', async (t) => {
  const read = {
    text: (response: Response) => response.text(),
    pieces: async (response: Response) => String(await collect(response)),
    lent: async (response: Response) => {
      let text = '';
      await response.consume((piece) => {
        text += Buffer.from(piece).toString();
      });
      return text;
    },
  };
  for (const [way, readBy] of Object.entries(read)) {
    const source = new StubSource('ab', 'c');
    source.trailers = new Headers({ 'x-sum': '1' });
    const body = new Noted(source);
    const response = new Response(200, { body });
    t.equal(await readBy(response), 'abc', way);
    t.strictSame(body.notes.ends, [{ how: 'whole' }], way);
    t.equal(response.bytesDownloaded, 3, way);
    t.equal(response.trailers?.get('x-sum'), '1', way);
  }
});

t.test('what breaks is told, however it is read', async (t) => {
  const error = new Error('cut');
  const read: ((source: BodySource) => Promise<unknown>)[] = [
    (source) => source.pull(),
    (source) => source.rest!(),
    (source) => source.consume!(() => {}),
  ];
  for (const readBy of read) {
    const body = new Noted(new StubSource(error));
    t.equal(await rejection(readBy(body)), error);
    t.strictSame(body.notes.ends, [{ how: 'broken', error }]);
  }
});

t.test('what the reader of lent bytes throws gives the body up: it did not break', async (t) => {
  const reason = new Error('enough');
  const source = new StubSource('ab', 'c');
  for (const within of [source, capable('ab', 'c')]) {
    const body = new Noted(within);
    const refused = body.consume(() => {
      throw reason;
    });
    t.equal(await rejection(refused), reason);
    t.strictSame(body.notes.ends, [{ how: 'closed' }]);
  }
  t.equal(source.cancels, 1);
});

t.test('who reads what came over the wire goes through it too', async (t) => {
  const body = new Noted(StubSource.around(new StubSource('wire'), 'decoded'));
  t.equal(String(await collect(new Response(200, { body }).iterRaw())), 'wire');
  t.same(body.notes, { ends: [{ how: 'whole' }], readings: 2 });
});

t.test('closed', async (t) => {
  const source = new StubSource('ab');
  const body = new Noted(source);
  await body.cancel();
  t.strictSame(body.notes.ends, [{ how: 'closed' }]);
  t.equal(source.cancels, 1);
});

t.test('a connection is handed over, where there is one', async (t) => {
  const duplex = new Duplex();
  const body = new Noted(Object.assign(new StubSource(), { upgrade: () => duplex }));
  t.equal(new Response(101, { body }).upgrade(), duplex);
  t.strictSame(body.notes.ends, [{ how: 'whole' }]);
  t.equal(new Noted(new StubSource()).upgrade, undefined);
});

/** Notes what passes, and throws at a piece that it does not like. */
class Inspected extends InspectedSource {
  readonly seen: string[] = [];
  readonly ends: BodyEnd[] = [];

  constructor(source: BodySource) {
    super(source, undefined);
  }

  protected override passed(piece: Uint8Array): void {
    const text = Buffer.from(piece).toString();
    if (text === 'bad') throw new Error('no such piece');
    this.seen.push(text);
  }

  protected override ended(end: BodyEnd): void {
    this.ends.push(end);
  }
}

t.test('one that looks at pieces sees them as they come, lent ones too', async (t) => {
  const whole = new Inspected(capable('ab', 'c'));
  t.equal(Buffer.from(await whole.rest()).toString(), 'abc');
  const source = capable('ab', 'c');
  const lent = new Inspected(source);
  let text = '';
  await lent.consume((piece) => {
    text += Buffer.from(piece).toString();
  });
  t.equal(text, 'abc');
  t.equal(source.pulls, 0, 'they stay lent');
  for (const { seen, ends } of [whole, lent]) {
    t.same(seen, ['ab', 'c']);
    t.strictSame(ends, [{ how: 'whole' }]);
  }
});

t.test('what one that looks at pieces throws gives the body up', async (t) => {
  for (const how of ['pull', 'rest', 'consume'] as const) {
    const source = new StubSource('bad', 'c');
    const body = new Inspected(source);
    const reading = how === 'consume' ? body.consume(() => {}) : body[how]();
    t.match(await rejection(reading), { message: 'no such piece' }, how);
    t.equal(source.cancels, 1, how);
    t.strictSame(body.ends, [{ how: 'closed' }], how);
  }
});
