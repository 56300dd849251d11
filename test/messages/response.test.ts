import { inspect } from 'node:util';
import t from 'tap';
import { Headers } from '../../src/messages/headers.ts';
import { Request } from '../../src/messages/request.ts';
import { Response, type ResponseInit } from '../../src/messages/response.ts';
import type { Timings } from '../../src/messages/timings.ts';
import { deferred } from '../support/deferred.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

const request = new Request('GET', 'http://user:pass@h/x?key=s3cret');

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const open = (...pieces: string[]): [Response, StubSource] => {
  const source = new StubSource(...pieces);
  return [new Response(200, { body: source, request }), source];
};

const text = (...pieces: string[]): Response => open(...pieces)[0];

// ── making one ──────────────────────────────────────────────────────────────────────────────────

t.test('a response has a status, headers, and where it came from', async (t) => {
  const earlier = new Response(302, { request });
  const next = request.with({ url: 'http://h/y' });
  const response = new Response(404, {
    statusText: 'Not Here',
    headers: { 'X-A': '1' },
    request,
    history: [earlier],
    nextRequest: next,
    httpVersion: '1.0',
    elapsed: 7,
  });
  t.equal(response.status, 404);
  t.equal(response.statusText, 'Not Here');
  t.equal(response.headers.get('x-a'), '1');
  t.equal(response.request, request);
  t.equal(response.url.href, 'http://h/x?key=s3cret');
  t.same(response.history, [earlier]);
  t.equal(response.redirected, true);
  t.equal(response.nextRequest, next);
  t.equal(response.httpVersion, '1.0');
  t.equal(response.elapsed, 7);
  t.equal(response.ok, false);
});

t.test('what is not said of a response has a value that says nothing', async (t) => {
  const response = new Response(200);
  t.same([...response.headers], []);
  t.equal(response.statusText, '');
  t.equal(response.httpVersion, '1.1');
  t.equal(response.elapsed, 0);
  t.same(response.history, []);
  t.equal(response.redirected, false);
  t.equal(response.nextRequest, null);
  t.equal(response.trailers, null);
  t.equal(response.bytesDownloaded, 0);
  t.equal(await response.text(), '');
  t.equal(response.hasRequest, false);
  for (const ask of [() => response.request, () => response.url]) {
    t.throws(ask, {
      name: 'TypeError',
      message: 'response.request: this response was made without a request',
    });
  }
});

t.test('a response is ok from 200 to 299', async (t) => {
  for (const [status, ok] of [
    [199, false],
    [200, true],
    [299, true],
    [300, false],
    [404, false],
  ] as const) {
    t.equal(new Response(status).ok, ok);
  }
});

t.test('a status is a whole number from 100 to 999', async (t) => {
  for (const status of [100, 451, 600, 999]) t.equal(new Response(status).status, status);
  for (const status of [0, 99, 1000, -200, 200.5, NaN, Infinity, '200', null, undefined]) {
    t.throws(() => new Response(status as number), {
      name: 'RangeError',
      message: `status: expected a whole number from 100 to 999, got ${String(status)}`,
    });
  }
});

t.test('a response is made of any body, and brings its type', async (t) => {
  const bytes = new TextEncoder().encode('abc');
  const cases: [ResponseInit, string, string | null][] = [
    [{ body: 'abc' }, 'abc', 'text/plain;charset=UTF-8'],
    [{ body: bytes }, 'abc', null],
    [{ body: bytes.buffer }, 'abc', null],
    [{ body: new Blob(['abc'], { type: 'text/css' }) }, 'abc', 'text/css'],
    [
      { body: new URLSearchParams({ a: 'b' }) },
      'a=b',
      'application/x-www-form-urlencoded;charset=UTF-8',
    ],
    [{ body: ['a', bytes] }, 'aabc', null],
    [{ body: new Blob(['abc']).stream() }, 'abc', null],
    [{ body: new StubSource('a', 'b') }, 'ab', null],
    [{ body: null }, '', null],
    [{ json: { a: 1 } }, '{"a":1}', 'application/json'],
    [{ json: null }, 'null', 'application/json'],
    [{ text: 'abc' }, 'abc', 'text/plain;charset=UTF-8'],
    [{ text: '' }, '', 'text/plain;charset=UTF-8'],
    [{ html: '<p>' }, '<p>', 'text/html;charset=UTF-8'],
    [{ json: {}, headers: { 'content-type': 'a/b' } }, '{}', 'a/b'],
  ];
  for (const [init, body, type] of cases) {
    const response = new Response(200, init);
    t.equal(await response.text(), body);
    t.equal(response.headers.get('content-type'), type);
  }
});

t.test('body, json, text and html exclude one another', async (t) => {
  for (const init of [
    { body: 'x', json: 1 },
    { body: new Uint8Array(1), json: 1 },
    { body: new StubSource(), text: '' },
    { json: null, text: '' },
    { text: '', html: '' },
  ]) {
    t.throws(() => new Response(200, init), {
      name: 'TypeError',
      message: 'response: expected at most one of body, json, text and html',
    });
  }
  t.throws(() => new Response(200, { body: 7 as never }), {
    name: 'TypeError',
    message: /^body: expected a string/,
  });
  t.throws(() => new Response(200, { headers: { 'a b': '' } }), TypeError);
});

// ── reading it whole ────────────────────────────────────────────────────────────────────────────

t.test('a body is read once and kept: each way of having it may be used again', async (t) => {
  const [response, source] = open('{"a":', '"é"}');
  t.equal(response.isRead, false);
  const bytes = await response.bytes();
  t.equal(source.pulls, 3);
  t.equal(response.isRead, true);
  for (let time = 0; time < 2; time++) {
    t.equal(await response.bytes(), bytes);
    t.equal(await response.read(), bytes);
    t.equal(await response.text(), '{"a":"é"}');
    t.same(await response.json(), { a: 'é' });
    t.equal(Buffer.from(await response.arrayBuffer()).toString(), '{"a":"é"}');
    t.equal(await (await response.blob()).text(), '{"a":"é"}');
    t.same(await all(response), [bytes]);
    t.same(await all(response.iterRaw()), [bytes]);
    t.same(await all(response.iterText()), ['{"a":"é"}']);
    t.same(await all(response.iterLines()), ['{"a":"é"}']);
  }
  await response.close();
  t.equal(await response.text(), '{"a":"é"}', 'after it was closed, too');
  t.equal(source.pulls, 3);
  t.equal(source.cancels, 0);
});

t.test('who asks at the same time gets the same bytes, read once', async (t) => {
  const [response, source] = open('a', 'b');
  const [one, two, three] = await Promise.all([response.bytes(), response.read(), response.text()]);
  t.equal(one, two);
  t.equal(three, 'ab');
  t.equal(source.pulls, 3);
});

t.test('a source that can give the rest at once is asked for it', async (t) => {
  const source = Object.assign(new StubSource('x'), { rest: async () => Buffer.from('all of it') });
  t.equal(await new Response(200, { body: source }).text(), 'all of it');
  t.equal(source.pulls, 0);
});

t.test('an ArrayBuffer is a copy, and holds the body alone', async (t) => {
  const pool = Buffer.from('<<abc>>');
  const response = new Response(200, { body: pool.subarray(2, 5) });
  const buffer = await response.arrayBuffer();
  t.equal(buffer.byteLength, 3);
  new Uint8Array(buffer).fill(0);
  t.equal(await response.text(), 'abc');
});

t.test('a Blob has the type that the header gives', async (t) => {
  const blob = await new Response(200, {
    body: 'x',
    headers: { 'content-type': 'text/css' },
  }).blob();
  t.equal(blob.type, 'text/css');
  t.equal((await new Response(200, { body: new Uint8Array(1) }).blob()).type, '');
});

t.test('an error of the source is the error of every reader, and is not read past', async (t) => {
  const reason = new Error('cut');
  const source = new StubSource('a', reason, 'b');
  const response = new Response(200, { body: source });
  for (const read of [response.bytes(), response.text(), response.bytes()])
    t.equal(await rejection(read), reason);
  t.equal(source.pulls, 2);
  t.equal(response.isRead, false);
  await response.close();
});

// ── text and JSON ───────────────────────────────────────────────────────────────────────────────

const E_ACUTE = Uint8Array.of(0xe9);

t.test('text is decoded by the charset, else by defaultEncoding, else as UTF-8', async (t) => {
  const decoded = async (
    contentType: string | null,
    defaultEncoding?: string | ((bytes: Uint8Array) => string),
  ): Promise<[string, string]> => {
    const response = new Response(200, {
      body: E_ACUTE,
      headers: { 'content-type': contentType },
      request: new Request('GET', 'http://h/', { defaultEncoding }),
    });
    return [await response.text(), response.encoding];
  };
  t.same(await decoded(null), ['\ufffd', 'utf-8']);
  t.same(await decoded('text/html; charset=latin1'), ['é', 'latin1']);
  t.same(await decoded('text/html; charset=klingon'), ['\ufffd', 'utf-8']);
  t.same(await decoded('text/html', 'latin1'), ['é', 'latin1']);
  t.same(await decoded('text/html; charset=klingon', 'latin1'), ['é', 'latin1']);
  t.same(await decoded('text/html; charset=utf-8', 'latin1'), ['\ufffd', 'utf-8']);
  t.same(await decoded('text/html', (bytes) => (bytes[0] === 0xe9 ? 'latin1' : 'utf-8')), [
    'é',
    'latin1',
  ]);
  await t.rejects(decoded(null, 'klingon'), { name: 'RangeError' });
  await t.rejects(
    decoded(null, () => 'klingon'),
    { name: 'RangeError' },
  );
});

t.test('the encoding can be set, to one that is known', async (t) => {
  const response = new Response(200, {
    body: E_ACUTE,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  });
  response.encoding = 'latin1';
  t.equal(response.encoding, 'latin1');
  t.equal(await response.text(), 'é');
  t.equal(await response.with({ status: 201 }).text(), 'é', 'a copy has it too');
  t.throws(() => (response.encoding = 'klingon'), {
    name: 'RangeError',
    message: 'encoding: there is none called "klingon"',
  });
});

t.test('a byte order mark is no text', async (t) => {
  t.equal(await new Response(200, { body: Buffer.from('\ufeffa') }).text(), 'a');
  t.same(await new Response(200, { body: Buffer.from('\ufeff{"a":1}') }).json(), { a: 1 });
  t.same(await all(text('\ufeffa', 'b').iterText()), ['a', 'b']);
});

t.test('what is not JSON is a DecodingError that does not quote it', async (t) => {
  const response = new Response(502, {
    body: '<html>s3cret',
    headers: { 'content-type': 'text/html' },
    request,
  });
  const error = await rejection(response.json(), Error);
  t.match(error, {
    name: 'DecodingError',
    code: 'ERR_DECODING',
    message: 'GET http://h/x: the body is not JSON: status 502, text/html, 12 bytes',
    cause: { name: 'SyntaxError' },
    request,
  });
  t.match(await rejection(new Response(204).json(), Error), {
    name: 'HTTPError',
    message: 'the body is not JSON: status 204, no content-type, 0 bytes',
  });
});

// ── piece by piece ──────────────────────────────────────────────────────────────────────────────

t.test(
  'iterating gives the pieces as they come, and pulls the next one when it is asked for',
  async (t) => {
    const [response, source] = open('a', 'b');
    const pieces = response[Symbol.asyncIterator]();
    t.equal(source.pulls, 0);
    t.equal(String(Buffer.from((await pieces.next()).value as Uint8Array)), 'a');
    t.equal(source.pulls, 1);
    t.equal(response.bytesDownloaded, 1);
    await pieces.next();
    t.same(await pieces.next(), { done: true, value: undefined });
    t.same(await pieces.next(), { done: true, value: undefined });
    t.equal(source.pulls, 3, 'the source is not asked past its end');
    t.equal(source.cancels, 0);
  },
);

t.test('to leave the loop early closes the response', async (t) => {
  for (const iterate of [
    (response: Response) => response,
    (response: Response) => response.iterRaw(),
    (response: Response) => response.iterText(),
    (response: Response) => response.iterLines(),
  ]) {
    const [response, source] = open('a\n', 'b\n', 'c\n');
    for await (const piece of iterate(response)) if (piece.length > 0) break;
    t.equal(source.cancels, 1);
    t.equal(source.pulls, 1);

    const [failing, other] = open('a\n', 'b\n', 'c\n');
    const reason = new Error('in the loop');
    const looping = async (): Promise<void> => {
      for await (const piece of iterate(failing)) if (piece.length > 0) throw reason;
    };
    t.equal(await rejection(looping()), reason);
    t.equal(other.cancels, 1);
  }
});

t.test('to leave while a piece is awaited does not wait for it', async (t) => {
  const gate = deferred<string>();
  const source = new StubSource(gate.promise);
  const pieces = new Response(200, { body: source })[Symbol.asyncIterator]();
  const piece = pieces.next();
  t.same(await pieces.return?.(), { done: true, value: undefined });
  t.equal(source.cancels, 1);
  gate.resolve('late');
  await piece;
  t.same(await pieces.next(), { done: true, value: undefined });
});

t.test('who asks for several pieces at once gets them in order', async (t) => {
  const source = new StubSource(Promise.resolve('a'), 'b', new Error('cut'), 'd');
  const pieces = new Response(200, { body: source })[Symbol.asyncIterator]();
  const asked = await Promise.allSettled([1, 2, 3, 4, 5].map(() => pieces.next()));
  t.same(
    asked.map((each) =>
      each.status === 'rejected' ? String(each.reason) : (each.value.value?.[0] ?? 'done'),
    ),
    [0x61, 0x62, 'Error: cut', 'done', 'done'],
  );
});

t.test('iterText splits no character, iterLines gives lines without their ends', async (t) => {
  const bytes = Buffer.from('é\r\n€😀\n\nlast');
  for (let at = 0; at <= bytes.length; at++) {
    const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
    const of = (): Response => new Response(200, { body: new StubSource(...pieces) });
    t.equal((await all(of().iterText())).join(''), bytes.toString());
    t.same(await all(of().iterLines()), ['é', '€😀', '', 'last']);
  }
});

t.test('iterText decodes by the charset, by defaultEncoding, or by what was set', async (t) => {
  const of = (init: ResponseInit): Response =>
    new Response(200, { ...init, body: new StubSource(E_ACUTE, E_ACUTE) });
  const inLatin1 = new Request('GET', 'http://h/', { defaultEncoding: () => 'latin1' });
  t.same(await all(of({ headers: { 'content-type': 'a/b;charset=latin1' } }).iterText()), [
    'é',
    'é',
  ]);
  t.same(await all(of({ request: inLatin1 }).iterText()), ['é', 'é']);
  const set = of({});
  set.encoding = 'latin1';
  t.same(await all(set.iterText()), ['é', 'é']);
});

t.test('iterRaw gives what came over the wire, and bytesDownloaded counts that', async (t) => {
  const wire = new StubSource('squeezed');
  const response = new Response(200, {
    body: StubSource.around(StubSource.around(wire), 'not squeezed'),
  });
  t.same(Buffer.concat(await all(response.iterRaw())).toString(), 'squeezed');
  t.equal(response.bytesDownloaded, 8);

  const other = new StubSource('squeezed');
  await other.pull();
  const decoded = new Response(200, { body: StubSource.around(other, 'not squeezed') });
  t.equal(await decoded.text(), 'not squeezed');
  t.equal(decoded.bytesDownloaded, 8);
  t.throws(() => decoded.iterRaw(), { name: 'StreamConsumedError' });
});

t.test('trailers are there after the end', async (t) => {
  const [response, source] = open('a');
  t.equal(response.trailers, null);
  await response.read();
  source.trailers = new Headers({ 'x-sum': '7' });
  t.equal(response.trailers?.get('x-sum'), '7');
  t.equal(response.with({ status: 201 }).trailers?.get('x-sum'), '7', 'of a copy, too');
});

// ── the web stream ──────────────────────────────────────────────────────────────────────────────

t.test('body is a web stream that pulls when it is read from, and not ahead', async (t) => {
  const [response, source] = open('a', 'b');
  const { body } = response;
  t.equal(response.body, body);
  const reader = body.getReader();
  await Promise.resolve();
  t.equal(source.pulls, 0);
  t.same(await reader.read(), { done: false, value: new Uint8Array([0x61]) });
  t.equal(source.pulls, 1);
  await reader.read();
  t.equal(source.pulls, 2);
  t.same(await reader.read(), { done: true, value: undefined });
  await response.close();
});

t.test('to cancel the web stream closes the response', async (t) => {
  const [response, source] = open('a', 'b');
  const reader = response.body.getReader();
  await reader.read();
  await reader.cancel();
  t.equal(source.cancels, 1);
  const [other, unread] = open('a');
  await other.body.cancel();
  t.equal(unread.cancels, 1);
});

t.test('an error of the source errors the web stream', async (t) => {
  const reason = new Error('cut');
  const reader = new Response(200, { body: new StubSource('a', reason) }).body.getReader();
  await reader.read();
  t.equal(await rejection(reader.read()), reason);
});

t.test(
  'the web stream of a kept body gives it; and it fits the platform’s own classes',
  async (t) => {
    const response = new Response(200, { body: 'abc' });
    t.equal(await new globalThis.Response(response.body).text(), 'abc');
    t.equal(await response.text(), 'abc');
    const upper = text('a', 'b').body.pipeThrough(new TextDecoderStream());
    t.equal((await all(upper as unknown as AsyncIterable<string>)).join(''), 'ab');
    const [one, two] = text('a', 'b').body.tee();
    t.equal(await new globalThis.Response(two).text(), await new globalThis.Response(one).text());
  },
);

// ── what can be done when ───────────────────────────────────────────────────────────────────────

type Use = (response: Response) => unknown;
const READS: Record<string, Use> = {
  bytes: (response) => response.bytes(),
  read: (response) => response.read(),
  text: (response) => response.text(),
  json: (response) => response.json(),
  arrayBuffer: (response) => response.arrayBuffer(),
  blob: (response) => response.blob(),
};
const ITERATIONS: Record<string, Use> = {
  iteration: (response) => all(response),
  iterRaw: async (response) => all(response.iterRaw()),
  iterText: (response) => all(response.iterText()),
  iterLines: (response) => all(response.iterLines()),
  body: async (response) => response.body,
  detach: async (response) => response.detach(),
  with: async (response) => response.with({}),
};

t.test('a response that was closed before it was read is a ClosedError', async (t) => {
  for (const [name, use] of Object.entries({ ...READS, ...ITERATIONS })) {
    const response = text('[1]');
    await response.close();
    t.match(
      await rejection(use(response) as Promise<unknown>, Error),
      {
        name: 'ClosedError',
        code: 'ERR_CLOSED',
        message: 'the response was closed before its body was read',
      },
      name,
    );
  }
});

t.test('a body that was had piece by piece cannot be had again', async (t) => {
  const begin: Use[] = [
    (response) => all(response),
    (response) => response[Symbol.asyncIterator]().next(),
    (response) => response.iterLines().next(),
    (response) => response.body.getReader().read(),
  ];
  for (const [name, use] of Object.entries({ ...READS, ...ITERATIONS })) {
    for (const start of begin) {
      const response = text('[1]', ' ');
      await start(response);
      if (name === 'body' && start === begin[3]) continue; // it is the same stream
      t.match(
        await rejection(use(response) as Promise<unknown>, Error),
        {
          name: 'StreamConsumedError',
          code: 'ERR_STREAM_CONSUMED',
          message: /^the body has been read already, piece by piece/,
        },
        name,
      );
    }
  }
});

t.test('a body that is being read whole cannot be had piece by piece meanwhile', async (t) => {
  for (const [name, use] of Object.entries(ITERATIONS)) {
    const response = text('[1]');
    const reading = response.bytes();
    t.match(
      await rejection(use(response) as Promise<unknown>, Error),
      {
        name: 'StreamConsumedError',
        message:
          'the body is being read by bytes(), text() or json(): it is there when they are done',
      },
      name,
    );
    t.equal(Buffer.from(await reading).toString(), '[1]');
    t.equal(await response.text(), '[1]');
  }
});

t.test('a body that was handed on is not here any more', async (t) => {
  for (const [name, use] of Object.entries({ ...READS, ...ITERATIONS })) {
    const [response, source] = open('[1]');
    const heir = response.with({});
    t.match(
      await rejection(use(response) as Promise<unknown>, Error),
      {
        name: 'StreamConsumedError',
        message: 'the body has been handed on to another response',
      },
      name,
    );
    await response.close();
    t.equal(source.cancels, 0, 'to close the old one leaves the body alone');
    t.equal(await heir.text(), '[1]');
  }
});

t.test('to close gives up the body, once', async (t) => {
  const [response, source] = open('a');
  await Promise.all([response.close(), response.close()]);
  await response.close();
  t.equal(source.cancels, 1);

  const [left, other] = open('a');
  {
    await using scoped = left;
    t.equal(scoped.status, 200);
  }
  t.equal(other.cancels, 1);

  const [begun, third] = open('a', 'b');
  await begun[Symbol.asyncIterator]().next();
  await begun.close();
  t.equal(third.cancels, 1);
});

t.test('to close does nothing where the body is in memory', async (t) => {
  const response = new Response(200, { text: 'a' });
  await response.close();
  await response[Symbol.asyncDispose]();
  t.equal(await response.text(), 'a');
});

t.test('who is reading when the response is closed gets a ClosedError, or all of it', async (t) => {
  const gate = deferred<string | Error>();
  const whole = new Response(200, { body: new StubSource(gate.promise) });
  const reading = whole.text();
  await whole.close();
  gate.resolve('abc');
  t.equal(await reading, 'abc');
  t.equal(await whole.text(), 'abc');
});

// ── copies ──────────────────────────────────────────────────────────────────────────────────────

t.test('with() makes a changed copy, which takes the body over', async (t) => {
  const earlier = new Response(302);
  const next = request.with({ method: 'POST' });
  const make = (): Response =>
    new Response(200, {
      statusText: 'OK',
      headers: { a: '1' },
      body: new StubSource('abc'),
      request,
      history: [earlier],
      nextRequest: next,
      httpVersion: '1.0',
      elapsed: 7,
    });
  const parts = async (r: Response): Promise<unknown[]> => [
    r.status,
    r.statusText,
    r.headers.toString(),
    await r.text(),
    r.request,
    r.history,
    r.nextRequest,
    r.httpVersion,
    r.elapsed,
  ];
  const original = await parts(make());
  const changes: [Parameters<Response['with']>[0], number, unknown][] = [
    [{ status: 201 }, 0, 201],
    [{ statusText: '' }, 1, ''],
    [{ headers: { b: '2' } }, 2, '\r\nb: 2'],
    [{ body: new Uint8Array(0) }, 3, ''],
    [{ body: Buffer.from('def') }, 3, 'def'],
    [{ body: new StubSource('def') }, 3, 'def'],
    [{ request: next }, 4, next],
    [{ history: [] }, 5, []],
    [{ nextRequest: request }, 6, request],
    [{ httpVersion: '2' }, 7, '2'],
    [{ elapsed: 9 }, 8, 9],
  ];
  for (const [change, place, value] of changes) {
    t.same(
      await parts(make().with(change)),
      original.with(place, value),
      String(Object.keys(change)),
    );
  }
  t.same(await parts(make().with({})), original);
});

t.test('a copy of what is in memory shares it', async (t) => {
  const response = new Response(200, { text: 'abc' });
  const copy = response.with({ status: 201 });
  t.equal(await copy.text(), 'abc');
  t.equal(await response.text(), 'abc');
  const [read, source] = open('a', 'b');
  await read.read();
  const other = read.with({});
  t.equal(await other.text(), 'ab');
  t.equal(other.bytesDownloaded, 2);
  t.equal(source.pulls, 3);
});

t.test(
  'a copy with another body leaves the old one to be closed by whoever replaces it',
  async (t) => {
    const [response, source] = open('a');
    const copy = response.with({ text: 'b' });
    t.equal(await copy.text(), 'b');
    t.equal(source.cancels, 0);
    await response.close();
    t.equal(source.cancels, 1);
  },
);

t.test('a layer takes the body out: bytes where it is in memory, else the source', async (t) => {
  const bytes = Buffer.from('abc');
  const kept = new Response(200, { body: bytes });
  t.equal(kept.detach(), bytes);
  t.equal(await kept.text(), 'abc', 'and it is still there');
  const [response, source] = open('a');
  t.equal(response.detach(), source);
});

// ── statuses ────────────────────────────────────────────────────────────────────────────────────

t.test(
  'raiseForStatus() gives back a response below 400, and throws a StatusError from there on',
  async (t) => {
    for (const status of [100, 200, 204, 302, 399]) {
      const response = new Response(status, { request });
      t.equal(response.raiseForStatus(), response);
    }
    for (const status of [400, 404, 499, 500, 599, 999]) {
      const response = new Response(status, { request });
      t.throws(() => response.raiseForStatus(), {
        name: 'StatusError',
        code: 'ERR_STATUS',
        status,
        response,
        request,
      });
    }
  },
);

t.test(
  'a StatusError names the request and the status, and the start of the body where that was read',
  async (t) => {
    const messageOf = (response: Response): string => {
      try {
        response.raiseForStatus();
      } catch (error) {
        return (error as Error).message;
      }
      return t.fail() ? '' : '';
    };
    const message = (init: ResponseInit): string =>
      messageOf(new Response(404, { request, ...init }));
    t.equal(message({}), 'GET http://h/x: 404');
    t.equal(message({ statusText: 'Not Found' }), 'GET http://h/x: 404 Not Found');
    t.equal(message({ text: 'no such user' }), 'GET http://h/x: 404: no such user');
    t.equal(
      message({ body: E_ACUTE, headers: { 'content-type': 'a/b; charset=latin1' } }),
      'GET http://h/x: 404: é',
    );
    t.equal(message({ body: new StubSource('unread') }), 'GET http://h/x: 404');
    t.equal(message({ text: 'x'.repeat(1000) }).length, 'GET http://h/x: 404: '.length + 200);
    t.equal(message({ text: '€'.repeat(1000) }), `GET http://h/x: 404: ${'€'.repeat(200)}`);
    t.equal(message({ text: '😀'.repeat(1000) }), `GET http://h/x: 404: ${'😀'.repeat(100)}`);
    t.equal(message({ text: `x${'😀'.repeat(1000)}` }), `GET http://h/x: 404: x${'😀'.repeat(99)}`);
  },
);

t.test('inspecting a response shows its status', async (t) => {
  t.equal(
    inspect(
      new Response(404, {
        statusText: 'Not Found',
        text: 's3cret',
        headers: { 'set-cookie': 's3cret' },
      }),
    ),
    '<Response [404 Not Found]>',
  );
  t.equal(String(new Response(299)), '<Response [299]>');
});

t.test('only what HTTP has left can be upgraded', async (t) => {
  for (const response of [new Response(200), text('a')]) {
    t.throws(() => response.upgrade(), {
      name: 'TypeError',
      message: 'response.upgrade(): a 200 response leaves the connection to HTTP',
    });
  }
});

t.test(
  'what layers say of a response has getters, which are null where they say nothing',
  async (t) => {
    const cacheStatus = { hit: true };
    const timings = { total: 7 } as unknown as Timings;
    const response = new Response(200, { extensions: { cacheStatus, timings } });
    t.equal(response.cacheStatus, cacheStatus);
    t.equal(response.timings, timings);
    t.same([new Response(200).cacheStatus, new Response(200).timings], [null, null]);
  },
);
