import { createHash } from 'node:crypto';
import t from 'tap';
import { Client } from '../../src/client.ts';
import { ClosedError, ConnectError, ReadError, RemoteProtocolError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { RetryMiddleware, type RetryOptions } from '../../src/middleware/retry.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { stack } from '../../src/transport.ts';
import { collect } from '../support/collect.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { random } from '../support/random.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource, type Given } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const RESUME: RetryOptions = { resume: true, backoff: { base: 0 } };
const TAG = { etag: '"v1"', 'content-length': '10' };
const request = new Request('GET', 'http://h.test/');
const broken = (): Error => new ReadError('broke', { request });

type Answer = Response | Error;

function whole(headers: Record<string, string>, ...pieces: Given[]): Response {
  return new Response(200, { headers, body: new StubSource(...pieces) });
}

/** The rest of '0123456789', from that byte on. */
function rest(from: number, headers: Record<string, string> = {}, ...pieces: Given[]): Response {
  return new Response(206, {
    headers: { 'content-range': `bytes ${from}-9/10`, etag: '"v1"', ...headers },
    body: new StubSource(...(pieces.length === 0 ? ['0123456789'.slice(from)] : pieces)),
  });
}

function send(
  answers: readonly (Answer | (() => Answer))[],
  options: RetryOptions = RESUME,
  init: RequestInit & { method?: string } = {},
): { transport: StubTransport; response: Promise<Response> } {
  const transport = new StubTransport((_, place) => {
    const answer = answers[place] ?? new Error(`a try too many: ${place + 1}`);
    return typeof answer === 'function' ? answer() : answer;
  });
  const { method = 'GET', ...more } = init;
  const retry = new RetryMiddleware(transport, options);
  return { transport, response: retry.send(new Request(method, 'http://h.test/file', more)) };
}

async function textOf(response: Promise<Response>): Promise<string> {
  return (await response).text();
}

t.test('a body that breaks off is continued from there', async (t) => {
  const { transport, response } = send([whole(TAG, '012', '34', broken()), rest(5)]);
  t.equal(await textOf(response), '0123456789');
  const [first, second] = transport.requests;
  t.equal(first?.headers.get('accept-encoding'), 'identity');
  t.equal(first?.headers.has('range'), false);
  t.equal(second?.headers.get('range'), 'bytes=5-');
  t.equal(second?.headers.get('if-range'), '"v1"');
  t.equal(second?.headers.get('accept-encoding'), 'identity');
  t.equal(second?.extensions.attempt, 2);
});

t.test('again and again, as often as there are attempts', async (t) => {
  const twice = [whole(TAG, '01', broken()), rest(2, {}, '234', broken()), rest(5)];
  t.equal(await textOf(send(twice).response), '0123456789');
  const error = broken();
  const thrice = [whole(TAG, '01', broken()), rest(2, {}, broken()), rest(2, {}, '2', error)];
  const { transport, response } = send(thrice);
  const last = await rejection(textOf(response), ReadError);
  t.equal(last, error);
  t.equal((last as ReadError & { earlier: unknown[] }).earlier.length, 2);
  t.equal(transport.requests.length, 3);
});

t.test('it is off unless asked for, of the layer or by the request', async (t) => {
  const { transport, response } = send([whole(TAG, broken())], { backoff: { base: 0 } });
  await rejection(textOf(response), ReadError);
  t.equal(transport.requests[0]?.headers.has('accept-encoding'), false);
  const asked = send(
    [whole(TAG, '0', broken()), rest(1)],
    { backoff: { base: 0 } },
    {
      retry: { resume: true },
    },
  );
  t.equal(await textOf(asked.response), '0123456789');
});

t.test('attempts that the head has used up are used up', async (t) => {
  const answers = [
    new ConnectError('refused', { request }),
    new Response(503),
    whole(TAG, broken()),
  ];
  await rejection(textOf(send(answers).response), ReadError);
  const left = [new Response(503), whole(TAG, '0', broken()), rest(1)];
  t.equal(await textOf(send(left).response), '0123456789');
});

t.test('what stands in the way for a while is tried again', async (t) => {
  const busy = new StubSource('busy');
  const answers = [
    whole(TAG, '0', broken()),
    new Response(503, { body: busy }),
    new ConnectError('refused', { request }),
    rest(1),
  ];
  t.equal(await textOf(send(answers, { ...RESUME, attempts: 4 }).response), '0123456789');
  t.equal(busy.cancels, 1);
});

t.test('the budget holds for continuations too', async (t) => {
  const { transport, response } = send([whole(TAG, '0', broken())], {
    ...RESUME,
    budget: { ratio: 0, reserve: 0 },
  });
  await rejection(textOf(response), ReadError);
  t.equal(transport.requests.length, 1);
});

t.test('an error that is final for a head is final for a body', async (t) => {
  const oops = new TypeError('oops');
  const { transport, response } = send([whole(TAG, '0', oops)]);
  t.equal(await rejection(textOf(response)), oops);
  t.equal(transport.requests.length, 1);
});

t.test(
  'a body that has changed meanwhile is an error that says so, and its answer is closed',
  async (t) => {
    const other = new StubSource('other');
    const error = broken();
    const { response } = send([
      whole(TAG, '012', error),
      new Response(200, { headers: { etag: '"v2"' }, body: other }),
    ]);
    const failure = await rejection(textOf(response), ReadError);
    t.equal(
      failure.message,
      'GET http://h.test/file: the body broke off after 3 bytes and cannot be continued: ' +
        'the server answered 200, with the whole of it: it has changed, or is not served in parts, attempt 2',
    );
    t.equal(failure.cause, error);
    t.equal(other.cancels, 1);
  },
);

t.test('only the rest, whole and of the same body, is taken', async (t) => {
  const wrong: [why: string, part: Response][] = [
    ['another place', rest(3, { 'content-range': 'bytes 3-9/10' })],
    ['not to the end', rest(2, { 'content-range': 'bytes 2-5/10' })],
    ['of another size', rest(2, { 'content-range': 'bytes 2-11/12' })],
    ['another version', rest(2, { etag: '"v2"' })],
    ['encoded', rest(2, { 'content-encoding': 'gzip' })],
    ['no Content-Range', new Response(206, { text: '23456789' })],
    ['several parts', rest(2, { 'content-range': 'bytes 2-3/10, bytes 4-9/10' })],
    ['gone', new Response(404)],
    ['refused', new Response(416, { headers: { 'content-range': 'bytes */10' } })],
  ];
  for (const [why, part] of wrong) {
    const { transport, response } = send([whole(TAG, '01', broken()), part]);
    const failure = await rejection(textOf(response), ReadError);
    t.match(failure.message, /broke off after 2 bytes and cannot be continued/, why);
    t.equal(transport.requests.length, 2);
  }
});

t.test('a part that ends before it says is no end', async (t) => {
  const short = [whole(TAG, '01', broken()), rest(2, {}, '234'), rest(5)];
  const failure = await rejection(
    textOf(send(short, { ...RESUME, attempts: 2 }).response),
    ReadError,
  );
  t.match(failure.message, /the body ended after 5 of 10 bytes/);
  const again = [whole(TAG, '01', broken()), rest(2, {}, '234'), rest(5)];
  t.equal(await textOf(send(again).response), '0123456789');
});

t.test('a size that only the part tells, or only the head', async (t) => {
  const chunked = { etag: '"v1"', 'transfer-encoding': 'chunked' };
  t.equal(await textOf(send([whole(chunked, '01', broken()), rest(2)]).response), '0123456789');
  const star = rest(2, { 'content-range': 'bytes 2-9/*' });
  t.equal(await textOf(send([whole(TAG, '01', broken()), star]).response), '0123456789');
  const nobody = rest(2, { 'content-range': 'bytes 2-9/*' });
  await rejection(textOf(send([whole(chunked, '01', broken()), nobody]).response), ReadError);
});

t.test('a part in memory, and one that breaks before its first byte', async (t) => {
  const memory = new Response(206, {
    headers: { 'content-range': 'bytes 0-9/10' },
    text: '0123456789',
  });
  t.equal(await textOf(send([whole(TAG, broken()), memory]).response), '0123456789');
});

t.test('without something to know it by, a body is not continued', async (t) => {
  const date = 'Sat, 21 Nov 2026 10:00:00 GMT';
  const heads: [why: string, headers: Record<string, string>][] = [
    ['no validator', { 'content-length': '10' }],
    ['a weak tag', { etag: 'W/"v1"', 'last-modified': 'Sat, 21 Nov 2026 09:00:00 GMT', date }],
    ['a date alone', { 'last-modified': 'Sat, 21 Nov 2026 09:00:00 GMT' }],
    ['changed just now', { 'last-modified': date, date }],
    ['no parts', { ...TAG, 'accept-ranges': 'none' }],
  ];
  for (const [why, headers] of heads) {
    const { transport, response } = send([whole(headers, '0', broken())]);
    await rejection(textOf(response), ReadError);
    t.equal(transport.requests.length, 1, why);
  }
});

t.test('Last-Modified does where it is older than the answer', async (t) => {
  const modified = 'Sat, 21 Nov 2026 09:59:59 GMT';
  const head = { 'last-modified': modified, date: 'Sat, 21 Nov 2026 10:00:00 GMT' };
  const { transport, response } = send([whole(head, '0', broken()), rest(1)]);
  t.equal(await textOf(response), '0123456789');
  t.equal(transport.requests[1]?.headers.get('if-range'), modified);
});

t.test('other methods, statuses and ranges, and decoded bodies, are left alone', async (t) => {
  for (const init of [{ method: 'PUT' }, { headers: { range: 'bytes=0-9' } }]) {
    const { transport, response } = send([whole(TAG, '0', broken())], RESUME, init);
    await rejection(textOf(response), ReadError);
    t.equal(transport.requests[0]?.headers.has('accept-encoding'), false);
  }
  const decoded = new Response(200, {
    headers: TAG,
    body: StubSource.around(new StubSource('raw'), 'decoded', broken()),
  });
  const missing = new Response(404, { headers: TAG, body: new StubSource('x', broken()) });
  for (const answer of [decoded, missing]) {
    const { transport, response } = send([answer]);
    await rejection(textOf(response), ReadError);
    t.equal(transport.requests.length, 1);
  }
  t.equal(
    await textOf(send([new Response(200, { headers: TAG, text: 'in memory' })]).response),
    'in memory',
  );
});

t.test(
  'what was received is counted over all parts; the trailers are the last one’s',
  async (t) => {
    const { response } = send([whole(TAG, '01234', broken()), rest(5)]);
    const answer = await response;
    t.equal(answer.trailers, null);
    await answer.bytes();
    t.equal(answer.bytesDownloaded, 10);
  },
);

t.test('the caller’s abort ends it: while it reads, and while it waits', async (t) => {
  const reason = new Error('enough');
  const reading = new AbortController();
  const first = send([() => whole(TAG, '0', reason)], RESUME, { signal: reading.signal });
  const response = await first.response;
  reading.abort(reason);
  t.equal(await rejection(response.bytes()), reason);

  const waiting = new AbortController();
  const asks = new Response(503, { headers: { 'retry-after': '30' } });
  const answers = [
    whole(TAG, '0', broken()),
    () => (setImmediate(() => waiting.abort(reason)), asks),
  ];
  t.equal(
    await rejection(textOf(send(answers, RESUME, { signal: waiting.signal }).response)),
    reason,
  );
});

t.test('close ends it: the wait, and what is on its way', async (t) => {
  const asks = new Response(503, { headers: { 'retry-after': '30' } });
  const asked = deferred();
  const waiting = await send([whole(TAG, '0', broken()), () => (asked.resolve(), asks)]).response;
  const iterator = waiting[Symbol.asyncIterator]();
  await iterator.next();
  const next = rejection(iterator.next(), ClosedError);
  await asked.promise;
  await new Promise(setImmediate);
  await iterator.return?.();
  await next;

  const late = deferred<Response>();
  const body = new StubSource('56789');
  const sent = deferred();
  const transport = new StubTransport((_, place) => {
    if (place === 0) return whole(TAG, '01234', broken());
    sent.resolve();
    return late.promise;
  });
  const response = await new RetryMiddleware(transport, RESUME).send(request);
  const pieces = response[Symbol.asyncIterator]();
  await pieces.next();
  const failed = rejection(pieces.next(), ClosedError);
  await sent.promise;
  await pieces.return?.();
  late.resolve(new Response(206, { headers: { 'content-range': 'bytes 5-9/10' }, body }));
  await failed;
  t.equal(body.cancels, 1);
});

t.test('on real sockets: a download of 3 MB whose connection is cut twice', async (t) => {
  const file = Buffer.from(random(7).bytes(3_000_000));
  const ranges: (string | undefined)[] = [];
  await using server = await okServer((incoming, response) => {
    const { range, 'if-range': condition } = incoming.headers;
    ranges.push(range);
    const from = condition === '"file"' ? Number(/\d+/.exec(range ?? '')?.[0] ?? 0) : 0;
    response.writeHead(from > 0 ? 206 : 200, {
      etag: '"file"',
      'content-length': file.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${file.length - 1}/${file.length}` } : {}),
    });
    const part = file.subarray(from, ranges.length < 3 ? from + 1_000_000 : file.length);
    if (ranges.length < 3) response.write(part, () => response.destroy());
    else response.end(part);
  });
  await using client = new Client({ retry: { backoff: { base: 0 } } });
  await using response = await client.stream('GET', server.url, { retry: { resume: true } });
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  t.equal(hash(await collect(response)), hash(file));
  t.equal(ranges.length, 3);
  t.equal(response.bytesDownloaded, file.length);
});

t.test('on real sockets: a file that changes in between', async (t) => {
  let calls = 0;
  await using server = await okServer((_, response) => {
    response.writeHead(200, { etag: `"${++calls}"`, 'content-length': 10 });
    if (calls === 1) response.write('01234', () => response.destroy());
    else response.end('abcdefghij');
  });
  await using pool = new ConnectionPool();
  const transport = stack(RetryMiddleware.layer(RESUME), pool);
  const failure = await rejection(transport.request('GET', server.url), ReadError);
  t.match(failure.message, 'broke off after 5 bytes');
  t.ok(failure.cause instanceof RemoteProtocolError || failure.cause instanceof ReadError);
});

t.test('resume is true or false', (t) => {
  t.throws(() => new RetryMiddleware(new StubTransport(), { resume: 1 as never }), {
    message: 'retry.resume: expected true or false, got number',
  });
  t.end();
});
