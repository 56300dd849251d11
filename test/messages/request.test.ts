import { inspect } from 'node:util';
import t from 'tap';
import { DecodingError } from '../../src/errors.ts';
import { Destination } from '../../src/messages/destination.ts';
import { Headers } from '../../src/messages/headers.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { collect } from '../support/collect.ts';
import { rejection } from '../support/rejection.ts';

const URL_ = 'http://h/x';
const MINE: object = { mine: { a: 1 }, nothing: undefined };
const secret = 'http://user:s3cret@h/x?key=s3cret#s3cret';

const textOf = async (request: Request): Promise<string | null> =>
  request.content === null ? null : (await collect(request.content.stream())).toString();

t.test('a request has a method, a URL, headers and a body', async (t) => {
  const signal = AbortSignal.abort();
  const request = new Request('POST', 'http://h:81/a?b=c#d', {
    headers: { 'X-A': '1' },
    body: 'hi',
    signal,
    timeout: { read: 7 },
  });
  t.equal(request.method, 'POST');
  t.equal(request.origin, 'http://h:81');
  t.equal(request.target, '/a?b=c');
  t.equal(request.url.href, 'http://h:81/a?b=c#d');
  t.equal(request.destination.href, 'http://h:81/a?b=c#d');
  t.equal(request.headers.get('x-a'), '1');
  t.equal(await textOf(request), 'hi');
  t.equal(request.signal, signal);
  t.same(request.timeout, { read: 7 });
  const bare = new Request('GET', URL_);
  t.same([bare.content, bare.signal, bare.timeout], [null, null, undefined]);
  t.same([...bare.headers], []);
  t.same(bare.extensions, {});
});

t.test(
  'a method is a token; the usual ones are put in upper case, any other is sent as given',
  async (t) => {
    for (const [given, sent] of [
      ['GET', 'GET'],
      ['get', 'GET'],
      ['gEt', 'GET'],
      ['patch', 'PATCH'],
      ['delete', 'DELETE'],
      ['Query', 'Query'],
      ['propfind', 'propfind'],
      ['M-SEARCH', 'M-SEARCH'],
      ["!#$%&'*+-.^_`|~", "!#$%&'*+-.^_`|~"],
    ] as const) {
      t.equal(new Request(given, URL_).method, sent);
    }
    for (const method of [
      '',
      ' ',
      'GET ',
      'G T',
      'GET / HTTP/1.1\r\nX: y\r\n\r\nGET',
      'GET\n',
      'gét',
      'A:B',
      '\u212a',
    ]) {
      t.throws(() => new Request(method, URL_), {
        name: 'TypeError',
        message: `method: expected a token (RFC 9110 §9.1), got ${JSON.stringify(method)}`,
      });
    }
    for (const method of [undefined, null, 7])
      t.throws(() => new Request(method as never, URL_), TypeError);
  },
);

t.test('a URL is text, a URL, or a destination, and absolute', async (t) => {
  const text = 'http://h/a%20b?c';
  for (const url of [text, new URL(text), Destination.from(text)]) {
    t.equal(new Request('GET', url).url.href, text);
  }
  for (const url of ['', '/x', 'h/x', 'http://', 'http://h:99999/', 'mailto:a@b', 'file:///x']) {
    t.throws(
      () => new Request('GET', url),
      { name: 'InvalidURLError', code: 'ERR_INVALID_URL' },
      url,
    );
  }
  t.throws(() => new Request('GET', undefined as never), {
    name: 'TypeError',
    message: 'url: expected a string or a URL, got undefined',
  });
});

t.test('line breaks in a URL do not get into the target', async (t) => {
  const request = new Request('GET', 'http://h/a\r\nX: y\r\n\r\nGET /b HTTP/1.1?\r\n c#\r\n', {
    params: { 'd\r\n': '\r\n e' },
  });
  t.equal(request.target, '/aX:%20yGET%20/b%20HTTP/1.1?%20c&d%0D%0A=%0D%0A+e');
});

t.test('the URL that is handed out is a copy', async (t) => {
  const request = new Request('GET', URL_);
  request.url.pathname = '/other';
  t.equal(request.url.href, URL_);
  const url = new URL(URL_);
  const other = new Request('GET', url);
  url.pathname = '/other';
  t.equal(other.url.href, URL_);
});

t.test('credentials in the URL become Authorization: Basic, and leave the URL', async (t) => {
  const authorization = (url: string, init?: RequestInit): string | null =>
    new Request('GET', url, init).headers.get('authorization');
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  t.equal(authorization('http://Aladdin:open%20sesame@h/'), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  t.equal(authorization('http://user@h/'), basic('user:'));
  t.equal(authorization('http://:pass@h/'), basic(':pass'));
  t.equal(authorization('http://z%C3%B6e:p%3A%E2%82%AC@h/'), basic('zöe:p:€'));
  t.equal(authorization('http://@h/'), null);
  t.equal(authorization('http://u:p@h/x', { params: { a: 1 } }), basic('u:p'));
  t.equal(
    authorization('http://u:p@h/', { headers: { Authorization: 'Bearer x' } }),
    'Bearer x',
    'one that is given wins',
  );

  const request = new Request('GET', 'http://u:p@h/x');
  t.equal(request.url.href, URL_);
  t.equal(request.destination.credentials, null);
  t.equal(request.with({ url: 'http://v:q@h/' }).headers.get('authorization'), basic('u:p'));
});

t.test('params are merged into the query', async (t) => {
  const target = (url: string, params: RequestInit['params']): string =>
    new Request('GET', url, { params }).target;
  t.equal(target('http://h', { a: 1 }), '/?a=1');
  t.equal(target('http://h/x?a=0&b=2#f', { a: [1, 2], b: null, c: 'x y' }), '/x?a=1&a=2&c=x+y');
  t.equal(new Request('GET', 'http://h/x#f', { params: { a: 1 } }).url.href, 'http://h/x?a=1#f');
  t.equal(target('http://h/x', undefined), '/x');
  t.equal(target('http://h/x', { a: "'" }), '/x?a=%27');
  for (const params of [null, 'a=1', 7])
    t.throws(() => target('http://h/x', params as never), TypeError);
});

t.test('a body brings its type, unless a header has one', async (t) => {
  const type = (init: RequestInit): string[] =>
    new Request('POST', URL_, init).headers.getAll('content-type');
  t.same(type({ body: 'x' }), ['text/plain;charset=UTF-8']);
  t.same(type({ json: {} }), ['application/json']);
  t.same(type({ form: {} }), ['application/x-www-form-urlencoded;charset=UTF-8']);
  t.same(type({ body: new Uint8Array(1) }), []);
  t.same(type({ json: {}, headers: { 'Content-TYPE': 'application/ld+json' } }), [
    'application/ld+json',
  ]);
  t.throws(
    () =>
      type({
        body: {
          replayable: true,
          contentType: 'a\r\nb: c',
          stream: () => (async function* () {})(),
        },
      }),
    TypeError,
  );
});

t.test('body, json, form and multipart exclude one another, but for the last two', async (t) => {
  for (const init of [
    { body: 'x', multipart: {} },
    { json: 1, multipart: {} },
    { body: 'x', form: {}, multipart: {} },
    { json: 1, form: {}, multipart: {} },
    { body: 'x', json: 1 },
    { body: 'x', form: {} },
    { json: 1, form: {} },
    { body: 'x', json: null },
    { body: 'x', json: 1, form: {} },
  ]) {
    t.throws(() => new Request('POST', URL_, init), {
      name: 'TypeError',
      message: 'request: expected at most one of body, json, form and multipart',
    });
    t.throws(() => new Request('POST', URL_).with(init), TypeError);
  }
  t.equal(await textOf(new Request('POST', URL_, { body: null, json: 1, form: undefined })), '1');
});

t.test('a signal is an AbortSignal, or null', async (t) => {
  t.equal(new Request('GET', URL_, { signal: null }).signal, null);
  for (const signal of ['x', 7, true, {}, new AbortController()]) {
    t.throws(() => new Request('GET', URL_, { signal: signal as never }), {
      name: 'TypeError',
      message: /^signal: expected an AbortSignal, got /,
    });
  }
});

t.test('options of layers are kept apart, by name, and cannot be changed', async (t) => {
  const request = new Request('GET', URL_, {
    headers: {},
    body: 'x',
    params: {},
    timeout: 1,
    signal: null,
    redirect: false,
    defaultEncoding: 'latin1',
    ...MINE,
  });
  t.same(request.extensions, { redirect: false, defaultEncoding: 'latin1', mine: { a: 1 } });
  t.throws(() => {
    (request.extensions as { redirect?: boolean }).redirect = true;
  }, TypeError);
});

t.test('with() makes a changed copy, and leaves the rest as it is', async (t) => {
  const signal = AbortSignal.abort();
  const request = new Request('POST', 'http://h/x?a=1#f', {
    headers: { 'X-A': '1' },
    json: { a: 1 },
    signal,
    timeout: 7,
    redirect: false,
  });
  const parts = async (r: Request): Promise<unknown[]> => [
    r.method,
    r.url.href,
    r.headers.toString(),
    await textOf(r),
    r.signal,
    r.timeout,
    r.extensions,
  ];
  const original = await parts(request);
  const changes: [Parameters<Request['with']>[0], number, unknown][] = [
    [{ method: 'put' }, 0, 'PUT'],
    [{ url: 'http://other/y' }, 1, 'http://other/y'],
    [{ url: new URL('http://other/y') }, 1, 'http://other/y'],
    [{ params: { b: 2 } }, 1, 'http://h/x?a=1&b=2#f'],
    [{ headers: { 'X-B': '2' } }, 2, '\r\nX-B: 2\r\ncontent-type: application/json'],
    [
      { headers: request.headers.with('x-a', '2') },
      2,
      '\r\nx-a: 2\r\ncontent-type: application/json',
    ],
    [{ json: [] }, 3, '[]'],
    [{ signal: null }, 4, null],
    [{ timeout: null }, 5, null],
    [{ redirect: true }, 6, { redirect: true }],
    [{ defaultEncoding: 'latin1' }, 6, { redirect: false, defaultEncoding: 'latin1' }],
  ];
  for (const [change, place, value] of changes) {
    const copy = request.with(change);
    t.not(copy, request);
    t.same(await parts(copy), original.with(place, value), String(Object.keys(change)));
  }
  t.same(await parts(request.with({})), original);
  t.same(await parts(request), original, 'the original is as it was');
});

t.test(
  'a body that replaces another takes the type of the other away, but not one set by hand',
  async (t) => {
    const type = (request: Request): string | null => request.headers.get('content-type');
    const request = new Request('POST', URL_, { json: {} });
    t.equal(type(request.with({ body: 'x' })), 'text/plain;charset=UTF-8');
    t.equal(type(request.with({ form: {} })), 'application/x-www-form-urlencoded;charset=UTF-8');
    t.equal(type(request.with({ body: new Uint8Array(1) })), null);
    t.equal(type(request.with({ body: null })), null);
    t.equal(request.with({ body: null }).content, null);
    const byHand = new Request('POST', URL_, { json: {}, headers: { 'content-type': 'a/b' } });
    t.equal(type(byHand.with({ body: 'x' })), 'a/b');
    t.equal(type(byHand.with({ body: null })), 'a/b');
  },
);

t.test('a copy shares the body, so that a stream can be sent once, by one of them', async (t) => {
  const request = new Request('POST', URL_, { body: ['a', 'b'] });
  const copy = request.with({ method: 'PUT' });
  t.equal(copy.content, request.content);
  t.equal(await textOf(copy), 'ab');
  await t.rejects(textOf(request), { name: 'StreamConsumedError' });
});

t.test('neither toString nor inspect shows credentials, query, fragment or headers', async (t) => {
  const request = new Request('POST', secret, {
    headers: { authorization: 's3cret' },
    body: 's3cret',
  });
  t.equal(String(request), '<Request [POST http://h/x]>');
  t.equal(inspect(request), '<Request [POST http://h/x]>');
  t.equal(
    inspect({ request: [request] }, { depth: 9 }),
    '{ request: [ <Request [POST http://h/x]> ] }',
  );
});

t.test('headers that are immutable are not copied', async (t) => {
  const headers = new Headers({ a: '1' });
  t.equal(new Request('GET', URL_, { headers }).headers, headers);
  t.equal(new Request('GET', URL_).with({ headers }).headers, headers);
});

t.test(
  'a Content-Type that was taken out stays out of copies, until there is a new body',
  async (t) => {
    const request = new Request('POST', URL_, { json: { a: 1 } });
    const bare = request.with({ headers: request.headers.without('content-type') });
    t.equal(bare.headers.get('content-type'), null);
    const copy = bare.with({ method: 'PUT', url: 'http://h/y' });
    t.equal(copy.headers.get('content-type'), null);
    t.equal(await textOf(copy), '{"a":1}');
    t.equal(copy.with({ json: 2 }).headers.get('content-type'), 'application/json');
    const anew = copy.with({ headers: { 'x-a': '1' } });
    t.equal(anew.headers.get('content-type'), 'application/json', 'headers made from nothing');
  },
);

t.test('a body that can be read without losing it can be looked at', async (t) => {
  const cases: [RequestInit, string][] = [
    [{}, ''],
    [{ body: 'é' }, 'é'],
    [{ body: new Uint8Array([0x61]) }, 'a'],
    [{ json: { a: ['é'] } }, '{"a":["é"]}'],
    [{ form: { a: '1' } }, 'a=1'],
    [{ body: new Blob(['a', 'b']) }, 'ab'],
    [{ body: Buffer.from([0xe9]), headers: { 'content-type': 'text/plain;charset=latin1' } }, 'é'],
  ];
  for (const [init, text] of cases) {
    const request = new Request('POST', URL_, init);
    t.equal(await request.text(), text);
    t.equal(await request.text(), text, 'again');
    t.equal((await textOf(request)) ?? '', Buffer.from(await request.bytes()).toString());
  }
  t.same(await new Request('POST', URL_, { json: { a: [1] } }).json(), { a: [1] });
});

t.test('a stream is left for the sending', async (t) => {
  const request = new Request('POST', URL_, { body: ['a', 'b'] });
  for (const read of [() => request.bytes(), () => request.text(), () => request.json()]) {
    await t.rejects(read(), {
      name: 'TypeError',
      message: 'request: the body can be read once, and that is to be when it is sent',
    });
  }
  t.equal(await textOf(request), 'ab');
});

t.test('a body that is not JSON is an error that does not quote it', async (t) => {
  const request = new Request('POST', secret, { body: '{"password":"s3cret' });
  const error = await rejection(request.json(), DecodingError);
  t.equal(error.message, 'POST http://h/x: the body of the request is not JSON');
  t.type(error.cause, SyntaxError);
});
