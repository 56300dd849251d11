import t from 'tap';
import { Redaction } from '../../src/cassette/redaction.ts';
import { Headers } from '../../src/messages/headers.ts';

t.test('header fields of credentials keep what tells their kind', async (t) => {
  const redacted = new Redaction({ headers: ['X_Tenant'] }).headers(
    new Headers([
      ['Authorization', 'Bearer abc.def'],
      ['proxy-authorization', 'Basic dTpw'],
      ['X-Api-Key', 'k-1'],
      ['cookie', 'a=1; b=x=y'],
      ['Set-Cookie', 'session=s3; Path=/; HttpOnly'],
      ['set-cookie', 'plain'],
      ['x-tenant', 'acme'],
      ['accept', '*/*'],
      ['location', '/next?page=2&token=t0k#access_token=x'],
      ['link', '<http://h/?token=1>; rel="next", <http://h/?a=1&key=2>; rel=last'],
    ]),
  );
  t.strictSame(
    [...redacted],
    [
      ['Authorization', 'Bearer REDACTED'],
      ['proxy-authorization', 'Basic REDACTED'],
      ['X-Api-Key', 'REDACTED'],
      ['cookie', 'a=REDACTED; b=REDACTED'],
      ['Set-Cookie', 'session=REDACTED; Path=/; HttpOnly'],
      ['set-cookie', 'plain'],
      ['x-tenant', 'REDACTED'],
      ['accept', '*/*'],
      ['location', '/next?page=2&token=REDACTED#access_token=REDACTED'],
      ['link', '<http://h/?token=REDACTED>; rel="next", <http://h/?a=1&key=REDACTED>; rel=last'],
    ],
  );
});

t.test('parameters of the query', async (t) => {
  const redaction = new Redaction({ query: ['pin'] });
  const cases: [url: string, redacted: string][] = [
    ['http://h/token', 'http://h/token'],
    ['http://h/?access_token=a%20b&x=1', 'http://h/?access_token=REDACTED&x=1'],
    [
      'http://h/?accessToken=1&API-KEY=2&key=3&sig=',
      'http://h/?accessToken=REDACTED&API-KEY=REDACTED&key=REDACTED&sig=',
    ],
    ['http://h/?a%70i_key=1&pin=2&monkey=3', 'http://h/?a%70i_key=REDACTED&pin=REDACTED&monkey=3'],
    ['http://h/?%zz=1&token', 'http://h/?%zz=1&token'],
    ['http://h/?token=a=b,c;d#id_token=x&a=1', 'http://h/?token=REDACTED#id_token=REDACTED&a=1'],
  ];
  for (const [url, redacted] of cases) {
    t.equal(redaction.url(url), redacted);
    t.equal(redaction.url(redacted), redacted, 'twice is as once');
  }
});

t.test('fields of bodies', async (t) => {
  const redaction = new Redaction({ body: ['pin'] });
  const json = redaction.body(
    '{"user": "u", "pass\\"word":1, "password": "a\\"b", "pin":42, "n":[{"id_token":"x"}], "token": null}',
    'application/json',
  );
  t.equal(
    json,
    '{"user": "u", "pass\\"word":1, "password": "REDACTED", "pin":"REDACTED", "n":[{"id_token":"REDACTED"}], "token": null}',
    'what is around stays as it is',
  );
  t.equal(
    redaction.body('data: {"token":"x"}\n\n', 'text/event-stream'),
    'data: {"token":"REDACTED"}\n\n',
  );
  t.equal(
    redaction.body('user=u&password=p%26q&pin=1', 'application/x-www-form-urlencoded'),
    'user=u&password=REDACTED&pin=REDACTED',
  );
  const parts = (password: string): string =>
    `--b\r\nContent-Disposition: form-data; name="user"\r\n\r\nu\r\n--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n${password}\r\n--b--\r\n`;
  t.equal(redaction.body(parts('p\r\nq'), 'multipart/form-data; boundary=b'), parts('REDACTED'));
  t.equal(redaction.body('', null), '');
});

t.test('values go wherever they stand', async (t) => {
  const redaction = new Redaction({ values: ['s/1', undefined, '', /\d{4}-\d{4}/y] });
  t.equal(
    redaction.url('http://h/s/1/x?q=s%2F1&c=1234-5678'),
    'http://h/REDACTED/x?q=REDACTED&c=REDACTED',
  );
  t.equal(
    redaction.body('a s/1, 1234-5678 and 1111-2222', 'text/plain'),
    'a REDACTED, REDACTED and REDACTED',
  );
  t.equal(redaction.headers(new Headers({ 'x-a': 'is s/1' })).get('x-a'), 'is REDACTED');
});

t.test('what one message has is taken out of another, unless it may be a word', async (t) => {
  const redaction = new Redaction();
  const found = new Set<string>();
  redaction.headers(new Headers({ authorization: 'Bearer tok-12345', cookie: 'a=short1' }), {
    found,
  });
  redaction.url('http://h/?key=category&token=t%2F1234567', { found });
  redaction.body('{"password":"p\\u0061ss-0001"}', null, { found });
  t.strictSame([...found], ['tok-12345', 'short1', 'category', 't/1234567', 'pass-0001']);
  t.equal(
    redaction.text('tok-12345 short1 category t/1234567 t%2F1234567 pass-0001', { known: found }),
    'REDACTED short1 category REDACTED REDACTED REDACTED',
  );
});

t.test('names of the defaults can stay, and all can', async (t) => {
  const redaction = new Redaction({ keep: ['key', 'X-API-Key'] });
  t.equal(redaction.url('http://h/?key=1&token=2'), 'http://h/?key=1&token=REDACTED');
  t.equal(redaction.headers(new Headers({ 'x-api-key': '1' })).get('x-api-key'), '1');
  const off = new Redaction(false);
  const headers = new Headers({ authorization: 'Bearer x' });
  t.equal(off.url('http://h/?token=2'), 'http://h/?token=2');
  t.equal(off.headers(headers), headers);
  t.equal(off.body('{"token":"x"}', null), '{"token":"x"}');
});

t.test('options that are none are refused', async (t) => {
  const bad: [options: object, message: RegExp][] = [
    [{ header: ['x'] }, /redact: there is no option "header"; did you mean headers\?/],
    [{ headers: 'x' }, /redact\.headers: expected a list of names/],
    [{ keep: [1] }, /redact\.keep: expected a list of names/],
    [{ values: 'x' }, /redact\.values: expected a list of strings and RegExps/],
    [{ values: [1] }, /redact\.values: expected strings and RegExps, got number/],
  ];
  for (const [options, message] of bad)
    t.throws(() => new Redaction(options), { name: 'TypeError', message });
});
