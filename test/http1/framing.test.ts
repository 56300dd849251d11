import t from 'tap';
import type { Framing } from '../../src/http1/framing.ts';
import { accepts, rejects, type FeedOptions } from './feed.ts';

const CHUNKED_BODY = '5\r\nhello\r\n0\r\n\r\n';

function head(status: number | string, ...lines: string[]): string {
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n');
}

t.test('1. no body: HEAD, 1xx, 204, 304, whatever the fields say', async (t) => {
  const fields = [
    [],
    ['Content-Length: 0'],
    ['Content-Length: 1000'],
    ['Transfer-Encoding: chunked'],
    ['Transfer-Encoding: gzip'],
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Content-Length: five'],
  ];
  for (const lines of fields) {
    const name = lines.join(', ') || 'no field';
    for (const status of [200, 404, 500])
      accepts(
        t,
        `HEAD, ${status}, ${name}`,
        head(status, ...lines),
        { framing: 'none' },
        { method: 'HEAD' },
      );
    for (const status of [204, 304]) {
      accepts(t, `${status}, ${name}`, head(status, ...lines), { framing: 'none' });
      accepts(
        t,
        `${status} to POST, ${name}`,
        head(status, ...lines),
        { framing: 'none' },
        { method: 'POST' },
      );
    }
    accepts(t, `103, ${name}`, head(103, ...lines) + head(200, 'Content-Length: 2') + 'ok', {
      interim: [{ status: 103 }],
      framing: 2,
      body: 'ok',
    });
  }
});

t.test('2. a tunnel: any 2xx to CONNECT', async (t) => {
  const options = { method: 'CONNECT' };
  for (const status of [200, 201, 204, 206, 299]) {
    for (const line of ['Content-Length: 5', 'Transfer-Encoding: chunked', 'Server: x'])
      accepts(t, `${status}, ${line}`, head(status, line), { framing: 'tunnel', status }, options);
  }
  accepts(
    t,
    'an error has a body',
    `${head(407, 'Content-Length: 2')}no`,
    { framing: 2, body: 'no' },
    options,
  );
  accepts(
    t,
    'so has a redirect',
    head(302, 'Transfer-Encoding: chunked') + CHUNKED_BODY,
    { body: 'hello' },
    options,
  );
  accepts(
    t,
    'which may end with the connection',
    `${head(502)}gone`,
    { framing: 'until-close', body: 'gone' },
    { ...options, close: true },
  );
  accepts(t, '304 has none', head(304), { framing: 'none' }, options);
  accepts(
    t,
    'an interim response first',
    head(100) + head(200),
    { framing: 'tunnel', interim: [{ status: 100 }] },
    options,
  );
  accepts(
    t,
    'to another method it is a body',
    `${head(200, 'Content-Length: 2')}ok`,
    { framing: 2, body: 'ok' },
    { method: 'connect' },
  );
});

t.test('3. Transfer-Encoding and Content-Length together are refused', async (t) => {
  const table = [
    ['Content-Length: 3', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 15'],
    ['Transfer-Encoding: chunked', 'Content-Length: 0'],
    ['transfer-encoding: CHUNKED', 'content-length: 5'],
    ['Transfer-Encoding: gzip', 'Content-Length: 5'],
    ['Transfer-Encoding: identityx', 'Content-Length: 6'],
    ['Transfer-Encoding: chunked, identity', 'Content-Length: 19'],
    ['Transfer-Encoding: gzip, chunked', 'Content-Length: 19'],
    ['Transfer-Encoding: \xa0chunked', 'Content-Length: 5'],
    ['Transfer-Encoding:', 'Content-Length: 5'],
    ['Transfer-Encoding: ,', 'Content-Length: 5'],
    ['Content-Length: five', 'Transfer-Encoding: chunked'],
  ];
  for (const lines of table)
    rejects(
      t,
      lines.join(', '),
      head(200, ...lines) + CHUNKED_BODY,
      'both Transfer-Encoding and Content-Length',
    );
});

t.test('4. chunked, where it is the last coding', async (t) => {
  const table = [
    ['Transfer-Encoding: chunked'],
    ['Transfer-Encoding:chunked'],
    ['Transfer-Encoding: \t chunked \t '],
    ['TRANSFER-ENCODING: cHuNkEd'],
    ['transfer-encoding: CHUNKED'],
    // Two layers of a server that each add one. The end is the same, and llhttp, Go, hyper and curl read it so.
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked, chunked'],
    // `identity` was a coding until 2014, and stood for none.
    ['Transfer-Encoding: identity, chunked'],
    ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'],
    // RFC 9110 §5.6.1.2: empty members of a list do not count.
    ['Transfer-Encoding: chunked,'],
    ['Transfer-Encoding: , ,chunked , ,'],
    ['Transfer-Encoding:', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'A: b', ' c'],
  ];
  for (const lines of table)
    accepts(t, lines.join(', '), head(200, ...lines) + CHUNKED_BODY, {
      framing: 'chunked',
      body: 'hello',
    });
});

t.test('4. until the close, where chunked is not the last coding', async (t) => {
  const table = [
    ['Transfer-Encoding: gzip'],
    ['Transfer-Encoding: chunked, deflate'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding: chunked, chunked, another'],
    ['Transfer-Encoding: chunkedchunked'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunkedx'],
    ['Transfer-Encoding: chunked x'],
    ['Transfer-Encoding: "chunked"'],
    ['Transfer-Encoding: \xa0chunked'],
    ['Transfer-Encoding: chunked\xa0'],
    ['Transfer-Encoding:'],
    ['Transfer-Encoding: ,'],
  ];
  for (const lines of table) {
    const expected = { framing: 'until-close' as const, body: CHUNKED_BODY };
    accepts(t, lines.join(', '), head(200, ...lines) + CHUNKED_BODY, expected, { close: true });
  }
});

t.test('4. codings before chunked that nobody asked for are refused', async (t) => {
  const table: [coding: string, offence: string][] = [
    ['gzip, chunked', 'not asked for, "gzip"'],
    ['deflate, chunked', 'not asked for, "deflate"'],
    ['x, identity, chunked', 'not asked for, "x"'],
    ['chunked, gzip, chunked', 'not asked for, "gzip"'],
    ['\xa0chunked, chunked', 'not asked for, "\xa0chunked"'],
    ['chunked;q=1', 'a parameter of the chunked transfer coding'],
    ['chunked ; q=1', 'a parameter of the chunked transfer coding'],
    ['chunked;, chunked', 'a parameter of the chunked transfer coding'],
    ['gzip, chunked; a=b', 'a parameter of the chunked transfer coding'],
  ];
  for (const [coding, offence] of table)
    rejects(t, coding, head(200, `Transfer-Encoding: ${coding}`) + CHUNKED_BODY, offence);
});

t.test('identity by itself says nothing', async (t) => {
  for (const line of ['identity', 'Identity', 'identity, identity', 'identity,']) {
    const field = `Transfer-Encoding: ${line}`;
    accepts(t, `${line}, with a length`, `${head(200, field, 'Content-Length: 5')}hello`, {
      framing: 5,
      body: 'hello',
    });
    accepts(
      t,
      `${line}, without`,
      `${head(200, field)}hello`,
      { framing: 'until-close', body: 'hello' },
      { close: true },
    );
  }
});

t.test('5 and 6. Content-Length', async (t) => {
  const table: [lines: string[], length: number][] = [
    [['Content-Length: 0'], 0],
    [['Content-Length: 5'], 5],
    [['content-length:5'], 5],
    [['CONTENT-LENGTH:\t5\t'], 5],
    [['Content-Length: 5     '], 5],
    [['Content-Length: 05'], 5],
    [['Content-Length: 0000000000000000000000000005'], 5],
    // RFC 9112 §6.3 rule 5: the same number again is that number. Browsers, curl, Go, hyper and h11 take it; llhttp does not.
    [['Content-Length: 5', 'Content-Length: 5'], 5],
    [['Content-Length: 5', 'A: b', 'content-length: 5', 'Content-Length: 5'], 5],
    [['Content-Length: 5, 5'], 5],
    [['Content-Length: 5,5 ,\t5'], 5],
    [['Content-Length: 5,5', 'Content-Length: 5'], 5],
    [['Content-Length: 5,', ' 5'], 5],
    [['Content-Length: 0', 'Content-Length: 0'], 0],
    [['Content-Length: 5', 'Content-Length-X: 6', 'X-Content-Length: 7'], 5],
  ];
  for (const [lines, length] of table) {
    const body = 'hello'.slice(0, length);
    accepts(t, lines.join(' | '), head(200, ...lines) + body, { framing: length, body });
  }
});

t.test('5. Content-Length that is refused', async (t) => {
  const table: [lines: string[], offence: string][] = [
    [[''], 'Content-Length ""'],
    [[' \t'], 'Content-Length ""'],
    [['-1'], 'Content-Length "-1"'],
    [['+5'], 'Content-Length "+5"'],
    [['-0'], 'Content-Length "-0"'],
    [['5.0'], 'Content-Length "5.0"'],
    [['5 5'], 'Content-Length "5 5"'],
    [['5\t5'], 'Content-Length "5\\t5"'],
    [['5x'], 'Content-Length "5x"'],
    [['x5'], 'Content-Length "x5"'],
    [['1e1'], 'Content-Length "1e1"'],
    [['0x10'], 'Content-Length "0x10"'],
    [['0b1'], 'Content-Length "0b1"'],
    [['1_0'], 'Content-Length "1_0"'],
    [['five'], 'Content-Length "five"'],
    [['"5"'], 'Content-Length "\\"5\\""'],
    [['5;5'], 'Content-Length "5;5"'],
    [['\xb2'], 'Content-Length "\xb2"'],
    [['\xa05'], 'Content-Length "\xa05"'],
    [['Infinity'], 'Content-Length "Infinity"'],
    [['NaN'], 'Content-Length "NaN"'],
    // 2^53, 2^63 and more.
    [['9007199254740992'], 'Content-Length "9007199254740992"'],
    [['9223372036854775807'], 'Content-Length "9223372036854775807"'],
    [['18446744073709551621'], 'Content-Length "18446744073709551621"'],
    [['1'.repeat(400)], 'Content-Length "11111'],
    // Several.
    [['5', '6'], 'Content-Lengths that differ, "5, 6"'],
    [['6', '5'], 'Content-Lengths that differ, "6, 5"'],
    [['5', '5', '6'], 'Content-Lengths that differ, "5, 5, 6"'],
    [['5, 6'], 'Content-Lengths that differ, "5, 6"'],
    [['5', '5, 6'], 'Content-Lengths that differ'],
    [['5', '05'], 'Content-Lengths that differ, "5, 05"'],
    [['5,'], 'Content-Lengths that differ, "5,"'],
    [[',5'], 'Content-Length ",5"'],
    [['5,,5'], 'Content-Lengths that differ'],
    [['5', ''], 'Content-Lengths that differ'],
    [['', '5'], 'Content-Length ", 5"'],
    [['a', 'a'], 'Content-Length "a, a"'],
    [['5a', '5a'], 'Content-Length "5a, 5a"'],
    [['9007199254740992', '9007199254740992'], 'Content-Length "9007199254740992'],
  ];
  for (const [values, offence] of table) {
    const lines = values.map((value) => `Content-Length: ${value}`);
    rejects(t, values.join(' | '), `${head(200, ...lines)}hello`, offence);
    rejects(
      t,
      `${values.join(' | ')}, folded`,
      `${head(200, 'A: b', ' c', ...lines)}hello`,
      offence,
    );
  }
});

t.test('8. until the close, where nothing is said', async (t) => {
  const close: FeedOptions = { close: true };
  const framing: Framing = 'until-close';
  accepts(t, 'some', `${head(200)}hello`, { framing, body: 'hello' }, close);
  accepts(t, 'none', head(200), { framing, body: '' }, close);
  accepts(
    t,
    'what looks like another response',
    head(200) + head(404),
    { framing, body: head(404) },
    close,
  );
  accepts(
    t,
    'HTTP/1.0',
    'HTTP/1.0 200 OK\r\n\r\nBody here\n',
    { framing, minor: 0, body: 'Body here\n' },
    close,
  );
  accepts(
    t,
    'Upgrade that was not taken',
    `${head(200, 'Connection: upgrade', 'Upgrade: h2c')}body`,
    { framing, body: 'body' },
    { ...close, upgrade: true },
  );
  const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  accepts(t, 'every byte', head(200) + all, { framing, body: all }, close);
});

t.test(
  'HTTP/1.0 with a transfer coding: read as it says, and no more on that connection',
  async (t) => {
    // RFC 9112 §6.1: the framing is faulty. That the connection closes is persistence.ts's affair.
    accepts(t, 'chunked', `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_BODY}`, {
      minor: 0,
      body: 'hello',
    });
    accepts(
      t,
      'another',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: bogus\r\n\r\nbody',
      { minor: 0, body: 'body' },
      { close: true },
    );
    rejects(
      t,
      'with a length',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: bogus\r\nContent-Length: 4\r\n\r\nbody',
      'both',
    );
  },
);
