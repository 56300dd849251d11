import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import {
  TraceMiddleware,
  type TracedExchange,
  type TraceOptions,
} from '../../src/middleware/trace.ts';
import { HARRecorder, toHAR } from '../../src/observe/har.ts';
import type { HAR, HAREntry } from '../../src/observe/har-format.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { stack, type Transport } from '../../src/transport.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer, type OkHandler } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import { exchange, SHOPPING } from './traced-call.ts';

assertNoLeaks(t);

type Fields = Readonly<Record<string, (value: unknown) => boolean>>;

const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= -1;
const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0;
const isTimeOrNone = (value: unknown): boolean => value === -1 || isTime(value);
const isDate = (value: unknown): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(String(value));
const listOf = (fields: Fields) => (value: unknown) =>
  Array.isArray(value) && value.every((each) => faults(each, fields).length === 0);
const all = (fields: Fields) => (value: unknown) => faults(value, fields).length === 0;
const optional = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || check(value);

/** The fields that fail their check, and those that the format does not have. */
function faults(value: unknown, fields: Fields): string[] {
  if (typeof value !== 'object' || value === null) return ['no object'];
  const record = value as Record<string, unknown>;
  const wrong = Object.keys(fields).filter((name) => !fields[name]?.(record[name]));
  const unknown = Object.keys(record).filter((name) => !(name in fields) && !name.startsWith('_'));
  return [...wrong, ...unknown];
}

// The format, object by object: what is not `optional` is required.
const pair = { name: isText, value: isText, comment: optional(isText) };
const cookie = {
  ...pair,
  path: optional(isText),
  domain: optional(isText),
  expires: optional(isDate),
  httpOnly: optional((value) => typeof value === 'boolean'),
  secure: optional((value) => typeof value === 'boolean'),
};
const postData = {
  mimeType: isText,
  text: isText,
  params: optional(Array.isArray),
  comment: optional(isText),
};
const request = {
  method: isText,
  url: (value: unknown) => URL.canParse(String(value)),
  httpVersion: isText,
  cookies: listOf(cookie),
  headers: listOf(pair),
  queryString: listOf(pair),
  postData: optional(all(postData)),
  headersSize: isCount,
  bodySize: isCount,
  comment: optional(isText),
};
const content = {
  size: isCount,
  compression: optional(Number.isInteger),
  mimeType: isText,
  text: optional(isText),
  encoding: optional(isText),
  comment: optional(isText),
};
const response = {
  status: isCount,
  statusText: isText,
  httpVersion: isText,
  cookies: listOf(cookie),
  headers: listOf(pair),
  content: all(content),
  redirectURL: isText,
  headersSize: isCount,
  bodySize: isCount,
  comment: optional(isText),
};
const timings = {
  blocked: isTimeOrNone,
  dns: isTimeOrNone,
  connect: isTimeOrNone,
  ssl: isTimeOrNone,
  send: isTime,
  wait: isTime,
  receive: isTime,
  comment: optional(isText),
};
const entry = {
  startedDateTime: isDate,
  time: isTime,
  request: all(request),
  response: all(response),
  cache: (value: unknown) => JSON.stringify(value) === '{}',
  timings: all(timings),
  serverIPAddress: optional(isText),
  connection: optional(isText),
  pageref: optional(isText),
  comment: optional(isText),
};
const log = {
  version: (value: unknown) => value === '1.2',
  creator: all({ name: isText, version: isText }),
  entries: listOf(entry),
};

/** An archive as a file would have it, checked against the format. */
function valid(t: Test, har: HAR | HARRecorder): HAREntry[] {
  const written = JSON.parse(JSON.stringify(har)) as HAR;
  t.same(faults(written, { log: all(log) }), []);
  for (const each of written.log.entries) {
    t.same(faults(each, entry), []);
    t.same(faults(each.request, request), []);
    t.same(faults(each.response, response), []);
    const { blocked, dns, connect, ssl, send, wait, receive } = each.timings;
    const parts = [blocked, dns, connect, send, wait, receive].filter((part) => part >= 0);
    const sum = parts.reduce((whole, part) => whole + part, 0);
    t.ok(Math.abs(sum - each.time) < 0.01, 'the parts make up the time');
    t.ok(ssl === -1 || ssl <= connect, 'connect has ssl in it');
  }
  return [...written.log.entries];
}

t.test('the checks of this file catch', async (t) => {
  const { entries } = toHAR(SHOPPING).log;
  const broken: unknown[] = [
    { ...entries[0], time: -1 },
    { ...entries[0], cache: undefined },
    { ...entries[0], unknown: 1 },
    { ...entries[0], timings: { ...entries[0]?.timings, send: -1 } },
    { ...entries[0], response: { ...entries[0]?.response, content: {} } },
  ];
  for (const each of broken) t.equal(faults(each, entry).length, 1);
});

t.test('exchanges become entries, with times as the format counts them', async (t) => {
  const [first, second, third] = valid(t, toHAR(SHOPPING));
  t.same(first?.timings, {
    blocked: 0.4,
    dns: 5,
    connect: 43,
    ssl: 31,
    send: 0.2,
    wait: 36,
    receive: 2.4,
  });
  t.equal(first?.time, 87);
  t.equal(first?.startedDateTime, '2026-01-02T03:04:06.006Z');
  t.match(second?.timings, { dns: -1, connect: -1, ssl: -1 }, 'a connection used again');
  t.match([first?._cause, second?._cause, third?._cause], ['call', 'redirect', 'retry']);
  t.equal(third?._attempt, 2);
  t.match(second?.request.queryString, [{ name: 'user', value: 'REDACTED' }]);
  t.match(first, { serverIPAddress: '192.0.2.1', connection: '1' });
  t.match(third?.response, {
    status: 200,
    bodySize: 48_300,
    headersSize: 200,
    content: { size: 48_300 },
  });
});

t.test('addresses without their port; none where there is no IP address', async (t) => {
  const addressOf = (remoteAddress: string | null): unknown =>
    toHAR([exchange(1, 0, {}, { connection: { remoteAddress } })]).log.entries[0]?.serverIPAddress;
  t.equal(addressOf('[2001:db8::1]:443'), '2001:db8::1');
  t.equal(addressOf('192.0.2.1:80'), '192.0.2.1');
  t.equal(addressOf('/run/docker.sock'), undefined);
  t.equal(addressOf(null), undefined);
});

t.test('a failure has a response of status 0, and says what it was', async (t) => {
  const more = {
    outcome: 'failed',
    error: new Error('gone'),
    response: null,
    connection: null,
  } as const;
  const [failed] = valid(t, toHAR([exchange(1, 0, { queued: 3 }, more)]));
  t.match(failed, {
    time: 3,
    _error: 'gone',
    response: { status: 0, headersSize: -1, bodySize: -1 },
  });
  t.notOk('connection' in (failed ?? {}));
});

t.test('cookies, where they are not taken out', async (t) => {
  const headers = (...fields: [string, string][]): { headers: [string, string][] } => ({
    headers: fields,
  });
  const [plain, redacted] = valid(
    t,
    toHAR([
      exchange(
        1,
        0,
        {},
        {
          request: headers(['Cookie', 'a=1; b=x=y']),
          response: headers(
            ['Set-Cookie', 'c=2; Path=/p; Domain=h; Secure; HttpOnly; SameSite=Lax'],
            ['set-cookie', 'd=; Expires=Thu, 01 Jan 2026 00:00:00 GMT'],
            ['set-cookie', 'e=3; expires=never'],
          ),
        },
      ),
      exchange(
        2,
        1,
        {},
        {
          request: headers(['cookie', 'REDACTED']),
          response: headers(['set-cookie', 'REDACTED']),
        },
      ),
    ]),
  );
  t.same(plain?.request.cookies, [
    { name: 'a', value: '1' },
    { name: 'b', value: 'x=y' },
  ]);
  t.same(plain?.response.cookies, [
    { name: 'c', value: '2', path: '/p', domain: 'h', secure: true, httpOnly: true },
    { name: 'd', value: '', expires: '2026-01-01T00:00:00.000Z' },
    { name: 'e', value: '3' },
  ]);
  t.same([redacted?.request.cookies, redacted?.response.cookies], [[], []]);
});

t.test('bodies: text as text, else base64; decoded where that can be done', async (t) => {
  const contentOf = (
    type: string | null,
    bytes: Uint8Array,
    coding: string | null,
    truncated = false,
  ): unknown => {
    const headers: [string, string][] = [];
    if (type !== null) headers.push(['content-type', type]);
    if (coding !== null) headers.push(['content-encoding', coding]);
    const answer = { headers, bodySize: bytes.length, body: { bytes, truncated } };
    return valid(t, toHAR([exchange(1, 0, {}, { response: answer })]))[0]?.response.content;
  };
  const text = 'Grüße, '.repeat(20);
  const plain = Buffer.from(text);
  t.same(contentOf('text/plain', plain, null), { size: 180, mimeType: 'text/plain', text });
  t.match(contentOf('application/problem+json; charset=utf-8', plain, null), { text });
  t.match(contentOf('text/plain; charset=iso-8859-1', Buffer.from('Gr\xfc\xdfe', 'latin1'), null), {
    text: 'Grüße',
  });
  t.match(contentOf('image/png', Buffer.from([1, 2, 255]), null), {
    text: 'AQL/',
    encoding: 'base64',
  });
  t.match(contentOf(null, Buffer.from('x'), null), { mimeType: 'x-unknown', encoding: 'base64' });
  t.match(
    contentOf('text/plain', Buffer.from([0xff, 0xfe, 0xfd]), null),
    { encoding: 'base64' },
    'no text, whatever it says',
  );
  const codings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };
  for (const [coding, encode] of Object.entries(codings)) {
    const encoded = encode(plain);
    t.same(contentOf('text/plain', encoded, coding), {
      size: 180,
      compression: 180 - encoded.length,
      mimeType: 'text/plain',
      text,
    });
  }
  const unknown = { encoding: 'base64', comment: 'encoded: x-own' };
  t.match(contentOf('text/plain', plain, 'x-own'), unknown);
  t.match(
    contentOf('text/plain', plain, 'gzip'),
    { comment: 'encoded: gzip', size: 180 },
    'it is none',
  );
  t.match(contentOf('text/plain', plain, null, true), { text, comment: 'the first 180 bytes' });
  t.match(contentOf('text/plain', gzipSync(plain), 'gzip', true), { encoding: 'base64' });
  t.same(contentOf('text/plain', new Uint8Array(0), 'gzip'), {
    size: 0,
    mimeType: 'text/plain',
    text: '',
  });
});

t.test('a recorder keeps the latest, up to its bound, and can be emptied', async (t) => {
  const har = new HARRecorder({ maxEntries: 2 });
  const { onExchange } = har;
  for (const each of SHOPPING.toReversed()) onExchange(each);
  t.equal(har.size, 2);
  t.same(
    valid(t, har).map(({ _cause }) => _cause),
    ['call', 'redirect'],
    'in the order in which they began',
  );
  har.clear();
  t.same(valid(t, har), []);
  for (const maxEntries of [0, 1.5, NaN, '1'] as number[]) {
    t.throws(
      () => new HARRecorder({ maxEntries }),
      new TypeError(`HARRecorder: maxEntries: expected a whole number from 1, got ${maxEntries}`),
    );
  }
});

/** What it takes to record the calls to a server. */
function recording(har: HARRecorder, options: TraceOptions = {}): Transport {
  return stack(
    RedirectMiddleware.layer(),
    TraceMiddleware.layer({ onExchange: har.onExchange, ...options }),
    new ConnectionPool({ tls: { ca } }),
  );
}

const answer: OkHandler = (incoming, outgoing) => {
  if (incoming.url?.startsWith('/old') === true) {
    outgoing.writeHead(303, { location: '/new?code=s3cret', 'set-cookie': 'sid=s3cret' }).end();
  } else if (incoming.url === '/cut') {
    outgoing.writeHead(200, { 'content-length': '10' });
    outgoing.write('half', () => outgoing.destroy());
  } else {
    outgoing.writeHead(200, {
      'content-type': 'text/plain; charset=utf-8',
      'content-encoding': 'gzip',
    });
    outgoing.end(gzipSync('answered'));
  }
};

t.test('real calls, over TLS: redirected, and broken off', async (t) => {
  await using server = await okServer(answer, { tls: identities.server });
  const har = new HARRecorder();
  await using transport = recording(har, { bodies: 1000 });
  const headers = { authorization: 'Bearer s3cret', cookie: 'sid=s3cret' };
  await transport.request('POST', `${server.url}/old?key=s3cret`, { headers, json: { a: 1 } });
  await rejection(transport.request('GET', `${server.url}/cut`));
  const entries = valid(t, har);
  t.notMatch(JSON.stringify(entries), 's3cret');
  const [posted, got, cut] = entries as [HAREntry, HAREntry, HAREntry];
  t.match(posted, {
    request: {
      method: 'POST',
      httpVersion: 'HTTP/1.1',
      postData: { mimeType: 'application/json', text: '{"a":1}' },
      bodySize: 7,
    },
    response: { status: 303, redirectURL: '/new', content: { size: 0 } },
    serverIPAddress: '127.0.0.1',
  });
  t.ok(posted.timings.ssl > 0 && posted.timings.connect > posted.timings.ssl);
  t.match(got, {
    request: { method: 'GET', bodySize: 0 },
    response: {
      status: 200,
      content: { size: 8, text: 'answered', mimeType: 'text/plain; charset=utf-8' },
    },
    connection: posted.connection,
    timings: { dns: -1, connect: -1, ssl: -1 },
  });
  t.notOk('postData' in got.request);
  t.equal(got._call === posted._call, false, 'without the outer layer, each is a call of its own');
  t.match(cut, { _error: /^GET https:.*\/cut: /, response: { status: 200, bodySize: 4 } });
});

t.test('the type of the listener is that of the option', async (t) => {
  const listener: (exchange: TracedExchange) => void = new HARRecorder().onExchange;
  t.type(listener, 'function');
});
