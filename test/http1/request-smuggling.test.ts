import t from 'tap';
import type { RequestInit } from '../../src/messages/request.ts';
import { BYTES, content, headOf, linesOf } from './request-heads.ts';

/** For a test's name: U+2028 would end its line. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

t.test('request-targets', async (t) => {
  for (const target of ['/', '*', '/a?b', 'http://h/a', 'h:443', '/~!@$%&\'()*+,;=:"<>[]\\^`{|}'])
    t.equal(linesOf(headOf('GET', {}, target))[0], `GET ${target} HTTP/1.1`);
  const offence = {
    code: 'ERR_LOCAL_PROTOCOL',
    message: /a request-target with white space or a control in it/,
  };
  const table = [
    '',
    ' ',
    '/a b',
    '/a\tb',
    '/a\r\nX: y',
    '/a\n',
    '/a\r',
    '\n/a',
    '/a\0',
    '/a\x7f',
    '/\xe9',
    '/\u2028',
    '/a HTTP/1.1\r\nHost: evil\r\n\r\nGET /b',
    '/\u010d\u010a',
  ];
  for (const target of table) {
    t.throws(() => headOf('GET', {}, target), offence, shown(target));
    t.throws(() => headOf('GET', { headers: { Host: 'x' } }, target), offence);
  }
});

t.test('what would let a second request in is refused before a byte is sent', async (t) => {
  const bytes = { body: BYTES };
  const table: [name: string, init: RequestInit, offence: RegExp][] = [
    // Host.
    ['two Hosts', { headers: { Host: ['a', 'b'] } }, /more than one Host/],
    ['two Hosts, of different case', { headers: { Host: 'a', host: 'a' } }, /more than one Host/],
    ...[
      'a b',
      'a,b',
      'user@a',
      'a/b',
      'a?b',
      'a#b',
      'a\tb',
      'a\\b',
      'a:b',
      'a:80:81',
      '[::1',
      '::1',
      'a"b',
      '<a>',
      '\xe9',
      '\xa0a',
      'a:80,b',
    ].map((host): [string, RequestInit, RegExp] => [
      `Host: ${host}`,
      { headers: { Host: host } },
      /Host ".+": that is no host/,
    ]),
    // Content-Length.
    [
      'too small',
      { headers: { 'Content-Length': '4' }, ...bytes },
      /Content-Length 4 for a body of 5 bytes/,
    ],
    [
      'too large',
      { headers: { 'Content-Length': '6' }, ...bytes },
      /Content-Length 6 for a body of 5 bytes/,
    ],
    [
      'without a body',
      { headers: { 'Content-Length': '1' } },
      /Content-Length 1 for a body of 0 bytes/,
    ],
    [
      'two',
      { headers: { 'Content-Length': ['5', '6'] }, ...bytes },
      /Content-Length "5, 6": expected one number/,
    ],
    [
      'twice the same',
      { headers: { 'Content-Length': ['5', '5'] }, ...bytes },
      /Content-Length "5, 5": expected one number/,
    ],
    [
      'twice, of different case',
      { headers: { 'Content-Length': '5', 'content-length': '5' }, ...bytes },
      /expected one number/,
    ],
    ...[
      '',
      '5, 5',
      '5,',
      '+5',
      '-5',
      '5.0',
      '0x5',
      '5e0',
      ' ',
      'five',
      '\xa05',
      '5\xa0',
      '9'.repeat(16),
    ].map((length): [string, RequestInit, RegExp] => [
      `Content-Length: ${length}`,
      { headers: { 'Content-Length': length }, ...bytes },
      /Content-Length ".*": expected one number/,
    ]),
    [
      'with trailers',
      {
        headers: { 'Content-Length': '5' },
        body: content({ contentLength: 5, trailers: () => [] }),
      },
      /Content-Length for a body with trailers/,
    ],
    // Transfer-Encoding.
    ...[
      '',
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'chunked,',
      ',chunked',
      'identity',
      'chunked;a=b',
      'x-chunked',
      'chunked\tx',
      '"chunked"',
      '\xa0chunked',
      'chunked\xa0',
      '\x85chunked',
      'chunKed\xad',
    ].map((coding): [string, RequestInit, RegExp] => [
      `Transfer-Encoding: ${coding}`,
      { headers: { 'Transfer-Encoding': coding }, ...bytes },
      /Transfer-Encoding ".*": only chunked is known/,
    ]),
    [
      'two codings',
      { headers: { 'Transfer-Encoding': ['chunked', 'chunked'] }, ...bytes },
      /only chunked is known/,
    ],
    [
      'two codings, one empty',
      { headers: { 'Transfer-Encoding': ['', 'chunked'] }, ...bytes },
      /only chunked is known/,
    ],
    [
      'an empty coding beside a length',
      { headers: { 'Transfer-Encoding': '', 'Content-Length': '5' }, ...bytes },
      /only chunked is known/,
    ],
    [
      'a coding and a length',
      { headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '5' }, ...bytes },
      /both Transfer-Encoding and Content-Length/,
    ],
    [
      'both, without a body',
      { headers: { 'Transfer-Encoding': 'chunked', 'Content-Length': '0' } },
      /both Transfer-Encoding and Content-Length/,
    ],
    // Connection: what it names is gone at the next hop.
    [
      'Connection: content-length',
      { headers: { Connection: 'close, Content-Length' }, ...bytes },
      /a Connection that names content-length/,
    ],
    [
      'Connection: transfer-encoding',
      { headers: { Connection: 'transfer-encoding' }, ...bytes },
      /a Connection that names transfer-encoding/,
    ],
    [
      'Connection: host',
      { headers: { Connection: ['keep-alive', 'HOST'] } },
      /a Connection that names host/,
    ],
  ];
  for (const [name, init, message] of table)
    t.throws(
      () => headOf('POST', init),
      { name: 'LocalProtocolError', code: 'ERR_LOCAL_PROTOCOL', message, phase: 'write' },
      name,
    );
});

t.test("a body of the caller's own that lies about its length", async (t) => {
  for (const contentLength of [-1, 1.5, NaN, Infinity, 2 ** 53, null, '5', '5\r\nX: y', {}]) {
    const body = content({ contentLength });
    const offence = { code: 'ERR_LOCAL_PROTOCOL', message: /a body whose contentLength is / };
    t.throws(() => headOf('POST', { body }), offence, shown(contentLength));
    t.throws(() => headOf('POST', { body, headers: { Host: 'x' } }), offence);
    t.throws(() => headOf('POST', { body, headers: { 'Content-Length': '5' } }), offence);
  }
});

t.test('what does not get as far as here', async (t) => {
  const values = ['a\r\nX: y', 'a\nX: y', 'a\rb', 'a\0b', 'a\u010db', 'a\u2028b'];
  for (const value of values)
    t.throws(() => headOf('GET', { headers: { 'X-A': value } }), TypeError, shown(value));
  for (const name of ['', 'a b', 'a:', 'a\r\n', 'a\0', '\xe9', 'Host ', ' Host'])
    t.throws(() => headOf('GET', { headers: [[name, 'x']] }), TypeError, shown(name));
  for (const method of ['', 'GET /', 'G\r\nT', 'GET\0', 'G:T', 'G\xc9T'])
    t.throws(() => headOf(method), TypeError, shown(method));
});
