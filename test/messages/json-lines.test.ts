import t from 'tap';
import { DecodingError } from '../../src/errors.ts';
import type { JSONLinesOptions } from '../../src/messages/json-lines.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource, type Given } from '../support/stub-source.ts';

const request = new Request('GET', 'http://h/log?token=secret');

function responseOf(...pieces: Given[]): Response {
  return new Response(200, { body: new StubSource(...pieces), request });
}

async function valuesIn(response: Response, options?: JSONLinesOptions): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of response.iterJsonLines(options)) values.push(value);
  return values;
}

t.test('each line is a value, wherever the bytes are divided', async (t) => {
  const bytes = Buffer.from('{"a":"é\u2028"}\n[1]\r\n null \n"x"\n\n  \r\n0\nfalse');
  const expected = [{ a: 'é\u2028' }, [1], null, 'x', 0, false];
  for (let at = 0; at <= bytes.length; at++)
    t.same(await valuesIn(responseOf(bytes.subarray(0, at), bytes.subarray(at))), expected);
  t.same(await valuesIn(responseOf(...Array.from(bytes, (byte) => Uint8Array.of(byte)))), expected);
});

t.test('the last line may end or not; no lines are no values', async (t) => {
  t.same(await valuesIn(responseOf('1\n2\n')), [1, 2]);
  t.same(await valuesIn(responseOf()), []);
  t.same(await valuesIn(responseOf('\n\r\n \n')), []);
});

t.test('a CR by itself ends no line: JSON may have it between its words', async (t) => {
  t.same(await valuesIn(responseOf('{"a":\r1}\n2')), [{ a: 1 }, 2]);
});

t.test('it is UTF-8, with or without a mark, whatever the headers say', async (t) => {
  const headers = { 'content-type': 'application/x-ndjson; charset=latin1' };
  const body = new StubSource('\ufeff"é"\n"ü"');
  t.same(await valuesIn(new Response(200, { headers, body })), ['é', 'ü']);
  const text = '\ufeff{}';
  t.same(
    await valuesIn(responseOf(...Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte)))),
    [{}],
  );
});

t.test('values are there as they come, and who leaves closes the response', async (t) => {
  const source = new StubSource('1\n2\n', '3\n', '4\n');
  const response = new Response(200, { body: source });
  const seen: number[] = [];
  for await (const value of response.iterJsonLines<number>()) {
    seen.push(value);
    if (value === 3) break;
  }
  t.same(seen, [1, 2, 3]);
  t.same([source.pulls, source.cancels], [2, 1]);
});

t.test('a body that is kept can be gone through again', async (t) => {
  const response = responseOf('1\n', '2');
  await response.read();
  t.same(await valuesIn(response), [1, 2]);
  t.same(await valuesIn(response), [1, 2]);
});

t.test('a line that is not JSON is an error that names it by its number alone', async (t) => {
  const source = new StubSource('1\n\n{"secret":\n4');
  const error = await rejection(
    valuesIn(new Response(200, { body: source, request })),
    DecodingError,
  );
  t.equal(error.message, 'GET http://h/log: line 3 of the body is not JSON: 10 bytes');
  t.equal(error.code, 'ERR_DECODING');
  t.ok(error.cause instanceof SyntaxError);
  t.equal(source.cancels, 1, 'the connection is given up');
  const made = (await rejection(valuesIn(new Response(200, { body: '1\nx' })))) as Error;
  t.same([made.name, made.message], ['HTTPError', 'line 2 of the body is not JSON: 1 bytes']);
});

t.test('a line has at most 16 MiB, or maxLineSize', async (t) => {
  t.same(await valuesIn(responseOf('"34"\n"34"'), { maxLineSize: 4 }), ['34', '34']);
  t.same(await valuesIn(responseOf('"34"\r\n'), { maxLineSize: null }), ['34']);
  for (const pieces of [
    ['1\n"345"\n'],
    ['1\n"345"'],
    ['1\n', '"34', '56'],
    ['1\n"3456'],
    ['1\n"34', '5"\n2'],
  ]) {
    const error = await rejection(
      valuesIn(responseOf(...pieces), { maxLineSize: 4 }),
      DecodingError,
    );
    t.equal(
      error.message,
      'GET http://h/log: line 2 of the body has more than 4 bytes (maxLineSize)',
    );
  }
  const endless = new StubSource(
    ...Array.from({ length: 40 }, () => Buffer.alloc(1024 * 1024, '1')),
  );
  await rejection(valuesIn(new Response(200, { body: endless, request })), DecodingError);
  t.equal(endless.pulls, 17);
  const made = new Response(200, { body: '[1]' });
  const error = (await rejection(valuesIn(made, { maxLineSize: 2 }))) as Error;
  t.equal(error.message, 'line 1 of the body has more than 2 bytes (maxLineSize)');
  t.notOk('cause' in error);
  t.throws(() => responseOf().iterJsonLines({ maxLineSize: 0 }), {
    name: 'TypeError',
    message: 'maxLineSize: expected a number of bytes above 0, or null, got 0',
  });
});

t.test('what the body fails with comes through', async (t) => {
  const reason = new Error('reset');
  t.equal(await rejection(valuesIn(responseOf('1\n2', reason))), reason);
});
