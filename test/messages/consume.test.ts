import { createHash } from 'node:crypto';
import t from 'tap';
import { ClosedError, StreamConsumedError } from '../../src/errors.ts';
import type { BodySink, BodySource } from '../../src/messages/body-source.ts';
import { Response } from '../../src/messages/response.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

/** A sink that keeps what it was lent, as text. */
function texts(): { readonly sink: BodySink; readonly got: string[] } {
  const got: string[] = [];
  return { sink: (piece) => void got.push(new TextDecoder().decode(piece)), got };
}

t.test('a body is lent piece by piece, and counted', async (t) => {
  const { sink, got } = texts();
  const response = new Response(200, { body: new StubSource('ab', '', 'cde') });
  t.equal(await response.consume(sink), 5);
  t.same(got, ['ab', 'cde'], 'a piece without bytes is none');
  t.equal(await new Response(200, { body: new StubSource() }).consume(sink), 0);
});

t.test('a body in memory is lent in one, as often as one likes', async (t) => {
  const { sink, got } = texts();
  const response = new Response(200, { text: 'kept' });
  t.equal(await response.consume(sink), 4);
  t.equal(await response.consume(sink), 4);
  t.equal(await new Response(200, { text: '' }).consume(sink), 0);
  t.same(got, ['kept', 'kept']);
});

t.test('what the sink returns is not looked at, as long as it is no promise', async (t) => {
  const hash = createHash('sha256');
  const response = new Response(200, { body: new StubSource('ab', 'c') });
  t.equal(await response.consume((piece) => hash.update(piece)), 3);
  t.equal(hash.digest('hex'), createHash('sha256').update('abc').digest('hex'));
});

t.test('a sink that returns a promise is refused: the bytes would be others by then', async (t) => {
  const sinks: (() => unknown)[] = [async () => {}, () => Promise.reject(new Error('of its own'))];
  for (const settled of sinks) {
    const body = new StubSource('a', 'b');
    const error = await rejection(new Response(200, { body }).consume(settled), TypeError);
    t.match(error.message, 'one that returns a promise');
    t.equal(body.cancels, 1);
    t.equal(body.pulls, 1);
  }
  await t.rejects(new Response(200, { text: 'a' }).consume(sinks[0] as BodySink), TypeError);
});

t.test('what is no function is a TypeError, and closes the response', async (t) => {
  const body = new StubSource('a');
  await t.rejects(new Response(200, { body }).consume('x' as never), {
    name: 'TypeError',
    message: 'consume: expected a function that takes bytes, got string',
  });
  t.equal(body.cancels, 1);
});

t.test('what the sink throws ends the body and is what consume rejects with', async (t) => {
  for (const thrown of [new Error('enough'), undefined, 'text']) {
    const body = new StubSource('a', 'b', 'c');
    let calls = 0;
    const response = new Response(200, { body });
    const reason = await rejection(
      response.consume(() => {
        // oxlint-disable-next-line typescript/only-throw-error
        if (++calls === 2) throw thrown;
      }),
    );
    t.equal(reason, thrown);
    t.equal(calls, 2);
    t.equal(body.cancels, 1);
  }
});

t.test('a source that lends by itself is not pulled from', async (t) => {
  const body: BodySource = Object.assign(new StubSource('never'), {
    consume: async (sink: BodySink) => {
      sink(Uint8Array.of(1));
      sink(Uint8Array.of(2, 3));
    },
  });
  const got: number[] = [];
  t.equal(await new Response(200, { body }).consume((piece) => void got.push(...piece)), 3);
  t.same(got, [1, 2, 3]);
  t.equal((body as StubSource).pulls, 0);
});

t.test('what the body breaks with passes through', async (t) => {
  const broken = new Error('broken');
  const { sink, got } = texts();
  const response = new Response(200, { body: new StubSource('a', broken) });
  t.equal(await rejection(response.consume(sink)), broken);
  t.same(got, ['a']);
});

t.test('a body can be lent once, and not when it is used otherwise', async (t) => {
  const { sink } = texts();
  const response = new Response(200, { body: new StubSource('a') });
  await response.consume(sink);
  await t.rejects(response.consume(sink), StreamConsumedError);
  await t.rejects(response.text(), StreamConsumedError);
  const closed = new Response(200, { body: new StubSource('a') });
  await closed.close();
  await t.rejects(closed.consume(sink), ClosedError);
});

t.test('close() while it is lent gives the body up', async (t) => {
  const more = deferred<string>();
  const body = new StubSource('a', more.promise);
  const response = new Response(200, { body });
  const reading = response.consume(() => {});
  await response.close();
  t.equal(body.cancels, 1);
  more.resolve('late');
  await reading;
});
