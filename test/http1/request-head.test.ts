import t from 'tap';
import type { RequestHead } from '../../src/http1/request-head.ts';
import type { RequestInit } from '../../src/messages/request.ts';
import { BYTES, content, headOf, linesOf } from './request-heads.ts';

const NO_OPTIONS = { close: false, upgrade: false, expectContinue: false };

t.test('what is filled in', async (t) => {
  const table: [method: string, init: RequestInit, added: string[], framing: object][] = [
    // RFC 9110 §8.6: methods that have content say so when there is none.
    ['GET', {}, [], { framing: 'none', length: 0 }],
    ['HEAD', {}, [], { framing: 'none', length: 0 }],
    ['DELETE', {}, [], { framing: 'none', length: 0 }],
    ['OPTIONS', {}, [], { framing: 'none', length: 0 }],
    ['QUERY', {}, [], { framing: 'none', length: 0 }],
    ['POST', {}, ['content-length: 0'], { framing: 'none', length: 0 }],
    ['PUT', {}, ['content-length: 0'], { framing: 'none', length: 0 }],
    ['PATCH', {}, ['content-length: 0'], { framing: 'none', length: 0 }],
    ['POST', { body: BYTES }, ['content-length: 5'], { framing: 'length', length: 5 }],
    ['GET', { body: BYTES }, ['content-length: 5'], { framing: 'length', length: 5 }],
    ['POST', { body: new Uint8Array() }, ['content-length: 0'], { framing: 'length', length: 0 }],
    [
      'POST',
      { body: content() },
      ['transfer-encoding: chunked'],
      { framing: 'chunked', length: 0 },
    ],
    [
      'POST',
      { body: content({ contentLength: 7 }) },
      ['content-length: 7'],
      { framing: 'length', length: 7 },
    ],
    [
      'POST',
      { body: content({ contentLength: 0 }) },
      ['content-length: 0'],
      { framing: 'length', length: 0 },
    ],
    [
      'POST',
      { body: content({ contentLength: 7, trailers: () => [] }) },
      ['transfer-encoding: chunked'],
      { framing: 'chunked', length: 0 },
    ],
  ];
  for (const [method, init, added, framing] of table) {
    const plain = headOf(method, init);
    t.same(
      linesOf(plain),
      [`${method} /a?b HTTP/1.1`, 'host: h:81', ...added],
      `${method} ${added.join()}`,
    );
    t.match(plain, { ...NO_OPTIONS, ...framing });
    // The same on the way for requests that have fields of framing themselves.
    const careful = headOf(method, { ...init, headers: { TE: 'trailers' } });
    t.same(linesOf(careful), [`${method} /a?b HTTP/1.1`, 'host: h:81', 'TE: trailers', ...added]);
    t.match(careful, { ...NO_OPTIONS, ...framing });
  }
});

t.test('fields go as they were given, before those of framing', async (t) => {
  const headers: [string, string][] = [
    ['X-B', '1'],
    ['x-a', '2'],
    ['X-B', '3'],
    ['Empty', ''],
  ];
  t.same(linesOf(headOf('POST', { headers, body: BYTES })), [
    'POST /a?b HTTP/1.1',
    'host: h:81',
    'X-B: 1',
    'x-a: 2',
    'X-B: 3',
    'Empty: ',
    'content-length: 5',
  ]);
});

t.test("the caller's own fields of framing win, where they are right", async (t) => {
  const table: [method: string, init: RequestInit, lines: string[], expected: object][] = [
    ['GET', { headers: { Host: 'other' } }, ['Host: other'], { framing: 'none' }],
    ['GET', { headers: { Host: 'other:8080' } }, ['Host: other:8080'], { framing: 'none' }],
    ['GET', { headers: { Host: '[::1]:80' } }, ['Host: [::1]:80'], { framing: 'none' }],
    ['GET', { headers: { Host: 'a_b.example:' } }, ['Host: a_b.example:'], { framing: 'none' }],
    ['GET', { headers: { Host: '' } }, ['Host: '], { framing: 'none' }],
    [
      'GET',
      { headers: { 'X-A': '1', HOST: 'x', 'X-B': '2' } },
      ['X-A: 1', 'HOST: x', 'X-B: 2'],
      {},
    ],
    [
      'POST',
      { headers: { 'Content-Length': '5' }, body: BYTES },
      ['host: h:81', 'Content-Length: 5'],
      { framing: 'length', length: 5 },
    ],
    [
      'POST',
      { headers: { 'Content-Length': '005' }, body: BYTES },
      ['host: h:81', 'Content-Length: 005'],
      { framing: 'length', length: 5 },
    ],
    [
      'POST',
      { headers: { 'Content-Length': '9' }, body: content() },
      ['host: h:81', 'Content-Length: 9'],
      { framing: 'length', length: 9 },
    ],
    [
      'POST',
      { headers: { 'Content-Length': '0' } },
      ['host: h:81', 'Content-Length: 0'],
      { framing: 'none', length: 0 },
    ],
    [
      'GET',
      { headers: { 'Content-Length': '0' } },
      ['host: h:81', 'Content-Length: 0'],
      { framing: 'none', length: 0 },
    ],
    [
      'POST',
      { headers: { 'Transfer-Encoding': 'chunked' }, body: BYTES },
      ['host: h:81', 'Transfer-Encoding: chunked'],
      { framing: 'chunked', length: 0 },
    ],
    [
      'POST',
      { headers: { 'transfer-encoding': 'Chunked' }, body: content() },
      ['host: h:81', 'transfer-encoding: Chunked'],
      { framing: 'chunked', length: 0 },
    ],
    [
      'POST',
      { headers: { 'Transfer-Encoding': 'chunked' } },
      ['host: h:81', 'Transfer-Encoding: chunked'],
      { framing: 'chunked', length: 0 },
    ],
  ];
  for (const [method, init, lines, expected] of table) {
    const head = headOf(method, init);
    t.same(linesOf(head), [`${method} /a?b HTTP/1.1`, ...lines], lines.join(', '));
    t.match(head, { ...NO_OPTIONS, ...expected });
  }
});

t.test('Connection, Upgrade and Expect', async (t) => {
  const of = (headers: Record<string, string | string[]>, init: RequestInit = {}): RequestHead =>
    headOf('POST', { headers, ...init });
  t.equal(of({ Connection: 'close' }).close, true);
  t.equal(of({ Connection: 'Keep-Alive, CLOSE' }).close, true);
  t.equal(of({ Connection: ['keep-alive', 'close'] }).close, true);
  t.equal(of({ Connection: 'keep-alive' }).close, false);
  t.equal(of({ Connection: 'closed' }).close, false);
  t.equal(of({ Connection: '\xa0close' }).close, false);
  t.equal(of({ 'Proxy-Connection': 'close' }).close, false);
  t.equal(of({ Connection: 'upgrade', Upgrade: 'websocket' }).upgrade, true);
  t.equal(of({ Connection: 'keep-alive, Upgrade', Upgrade: 'h2c' }).upgrade, true);
  t.equal(of({ Connection: 'upgrade' }).upgrade, false, 'to nothing');
  t.equal(of({ Upgrade: 'h2c' }).upgrade, false, 'which is not for the next hop');
  const body = { body: BYTES };
  t.equal(of({ Expect: '100-continue' }, body).expectContinue, true);
  t.equal(of({ Expect: '100-Continue' }, body).expectContinue, true);
  t.equal(of({ Expect: 'x' }, body).expectContinue, false);
  t.equal(of({ Expect: '100-continue', 'Content-Length': '5' }, body).expectContinue, true);
  t.equal(
    of({ Expect: '100-continue', 'Transfer-Encoding': 'chunked' }, body).expectContinue,
    true,
  );
  t.notMatch(of({}, body).text, /expect/i);
});

t.test('no expectation without content (RFC 9110 §10.1.1)', async (t) => {
  for (const method of ['GET', 'POST']) {
    const head = headOf(method, { headers: { 'X-A': '1', Expect: '100-continue', 'X-B': '2' } });
    t.notMatch(head.text, /expect/i);
    t.match(head.text, 'X-A: 1\r\nX-B: 2');
    t.equal(head.expectContinue, false);
  }
  t.match(headOf('GET', { headers: { Expect: 'something else' } }).text, 'Expect: something else');
});
