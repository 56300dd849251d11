import t from 'tap';
import { feed, accepts, rejects, violationOf, type Field } from './feed.ts';

/** A response without a body that has these lines. */
function withLines(...lines: string[]): string {
  return ['HTTP/1.1 204 No Content', ...lines, '', ''].join('\r\n');
}

t.test('field lines that are taken', async (t) => {
  const table: [name: string, lines: string[], fields: Field[]][] = [
    ['none', [], []],
    ['one', ['A: b'], [['A', 'b']]],
    [
      'case, order and repetitions are kept',
      ['b: 1', 'A: 2', 'B: 3', 'a: 2'],
      [
        ['b', '1'],
        ['A', '2'],
        ['B', '3'],
        ['a', '2'],
      ],
    ],
    ['no white space', ['A:b'], [['A', 'b']]],
    ['white space around the value', ['A: \t b \t '], [['A', 'b']]],
    ['white space within', ['A: a a\ta  a'], [['A', 'a a\ta  a']]],
    ['an empty value', ['A:'], [['A', '']]],
    ['a value of white space', ['A: \t \t '], [['A', '']]],
    ['colons in the value', ['A::b: c:'], [['A', ':b: c:']]],
    [
      'one character',
      ['A: b', 'x:y'],
      [
        ['A', 'b'],
        ['x', 'y'],
      ],
    ],
    ['underscores', ['DCLK_imp: v7;x'], [['DCLK_imp', 'v7;x']]],
    ['a name of odd tokens', ["!#$%&'*+-.^_`|~09azAZ: x"], [["!#$%&'*+-.^_`|~09azAZ", 'x']]],
    ['a name of digits', ['1: 2'], [['1', '2']]],
    ['bytes above 0x7f in a value', ['A: \x80\xe9\xff'], [['A', '\x80\xe9\xff']]],
    [
      'a name that looks like a property',
      ['__proto__: x', 'constructor: y'],
      [
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ],
    ],
    ['what looks like a status line', ['HTTP-1.1-200-OK: x'], [['HTTP-1.1-200-OK', 'x']]],
  ];
  for (const [name, lines, fields] of table) accepts(t, name, withLines(...lines), { fields });
});

t.test('field lines that are refused', async (t) => {
  const table: [name: string, line: string, offence: string | RegExp][] = [
    ['a space before the colon', 'A : b', 'white space in or after a field name, "A"'],
    ['a tab before the colon', 'A\t: b', 'white space in or after a field name, "A"'],
    ['a space within the name', 'A b: c', 'white space in or after a field name, "A"'],
    [
      'a name that starts a sentence',
      'en-US Content-Type: text/xml',
      'white space in or after a field name',
    ],
    ['an empty name', ': b', 'a field line without a name'],
    ['an empty name and value', ':', 'a field line without a name'],
    ['no colon', 'garbage', 'a field line without a colon, "garbage"'],
    ['no colon, and a space', 'garbage line', 'white space in or after a field name'],
    ['no colon, and it looks like a value', 'text/html', '"/" in a field name, after "text"'],
    ['a comma in the name', 'A,B: c', '"," in a field name, after "A"'],
    ['a quoted name', '"A": c', '"\\"" in a field name, after ""'],
    ['a name in brackets', '[A]: c', '"[" in a field name'],
    ['an umlaut in the name', 'X\xc3\xa9: v', '0xc3 in a field name, after "X"'],
    ['NUL in the name', 'X\0Y: v', '0x00 in a field name, after "X"'],
    ['NUL in the value', 'X: a\0b', '0x00 in a field value'],
    ['NUL for a value', 'X:\0', '0x00 in a field value'],
    ['NUL for a line', '\0', '0x00 in a field name, after ""'],
    ['DEL in the value', 'X: \x7f', '0x7f in a field value'],
    ['ESC in the value', 'X: \x1b[0m', '0x1b in a field value'],
    ['VT in the value', 'X: \x0bchunked', '0x0b in a field value'],
    ['FF after the value', 'X: a\x0c', '0x0c in a field value'],
    ['bare CR in the value', 'X: a\rb', 'a bare CR in a field value'],
    ['bare CR before the value', 'X:\r a', 'a bare CR in a field value'],
    ['bare CR that hides a field', 'X: a\rY: b', 'a bare CR in a field value'],
    ['bare CR at the end of the value', 'X: a\r', 'a bare CR in a field value'],
    ['bare CR in the name', 'X\r: a', 'a field line without a colon, "X"'],
    ['bare CR for a line', '\rX: a', 'a bare CR at the end of the head'],
    ['bare LF in the value', 'X: a\nY: b', 'a bare LF in a field value'],
    ['bare LF at the end of the value', 'X: a\n', 'a bare LF in a field value'],
    ['bare LF in the name', 'X\n: a', 'a field line without a colon, "X"'],
    ['bare LF for a line', '\n', 'a field line without a colon, ""'],
  ];
  for (const [name, line, offence] of table) {
    rejects(t, name, withLines(line), offence);
    rejects(t, `${name}, between others`, withLines('A: b', line, 'C: d'), offence);
  }
});

t.test('ends of a head that are refused', async (t) => {
  const head = 'HTTP/1.1 204 No Content\r\nA: b';
  rejects(t, 'LF LF', `${head}\n\n`, 'a bare LF in a field value');
  rejects(t, 'LF CRLF', `${head}\n\r\n`, 'a bare LF in a field value');
  rejects(t, 'CRLF LF', `${head}\r\n\n`, 'a field line without a colon');
  rejects(t, 'CR CR', `${head}\r\r`, 'a bare CR in a field value');
  rejects(t, 'CRLF CR CR', `${head}\r\n\r\r\n`, 'a bare CR at the end of the head');
  rejects(t, 'CRLF CR and a letter', `${head}\r\n\rX`, 'a bare CR at the end of the head');
  rejects(
    t,
    'LF after the status line',
    'HTTP/1.1 204 No Content\nA: b\r\n\r\n',
    'a bare LF in a status line',
  );
});

t.test('of all 256 bytes, those of a token are taken in a name', async (t) => {
  const token = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (const [first, last] of [
    ['', 'b'],
    ['a', 'b'],
    ['a', ''],
  ] as const) {
    const wrong: number[] = [];
    const unnamed: string[] = [];
    for (let code = 0; code < 256; code++) {
      const character = String.fromCharCode(code);
      const name = first + character + last;
      const { reading } = feed(withLines(`${name}: x`));
      const isTaken = reading.head?.fields[0]?.[0] === name;
      // A colon ends the name: it stands for itself only where a name is in front of it.
      const isRight = code === 0x3a ? !isTaken : isTaken === token.includes(character);
      if (!isRight) wrong.push(code);
      if (
        !isTaken &&
        code !== 0x3a &&
        !/name|colon|first field line|end of the head/.test(reading.violation ?? '')
      )
        unnamed.push(`${code}: ${reading.violation}`);
    }
    t.same(wrong, [], `between "${first}" and "${last}"`);
    t.same(unnamed, [], 'the offence is named');
  }
});

t.test('of all 256 bytes, controls but HTAB are refused in a value', async (t) => {
  for (const [first, last] of [
    ['', 'b'],
    ['a', 'b'],
    ['a', ''],
  ] as const) {
    const wrong: number[] = [];
    for (let code = 0; code < 256; code++) {
      const isText = code === 9 || (code >= 0x20 && code !== 0x7f);
      const value = first + String.fromCharCode(code) + last;
      const { head, violation } = feed(withLines(`a: ${value}`)).reading;
      const expected = code === 9 || code === 0x20 ? value.replace(/^[\t ]|[\t ]$/g, '') : value;
      const isRight = isText
        ? head?.fields[0]?.[1] === expected
        : /in a (field value|field name)/.test(violation ?? '');
      if (!isRight) wrong.push(code);
    }
    t.same(wrong, [], `between "${first}" and "${last}"`);
  }
});

t.test('obs-fold is replaced by a space', async (t) => {
  // RFC 9112 §5.2: a user agent must, and keeps all else of the value.
  const table: [name: string, lines: string[], fields: Field[]][] = [
    ['a space', ['A: b', ' c'], [['A', 'b c']]],
    ['a tab', ['A: b', '\tc'], [['A', 'b c']]],
    ['much white space', ['A: b \t ', ' \t  \tc'], [['A', 'b c']]],
    ['twice', ['A: b', ' c', '\td'], [['A', 'b c d']]],
    ['a value that begins on the next line', ['A:', ' b'], [['A', 'b']]],
    ['a value that ends on its line', ['A: b', ' '], [['A', 'b']]],
    ['lines of white space alone', ['A: b', ' ', '\t', ' c'], [['A', 'b c']]],
    ['nothing but white space', ['A:', ' ', '\t '], [['A', '']]],
    ['what looks like a field', ['A: b', ' C: d'], [['A', 'b C: d']]],
    ['what looks like the end', ['A: b', ' ', ' HTTP/1.1 200 OK'], [['A', 'b HTTP/1.1 200 OK']]],
    [
      'in the last field',
      ['A: b', 'C: in the', '    last header  '],
      [
        ['A', 'b'],
        ['C', 'in the last header'],
      ],
    ],
    [
      'in each of them',
      ['A: b', ' c', 'D: e', '\tf', 'G: h'],
      [
        ['A', 'b c'],
        ['D', 'e f'],
        ['G', 'h'],
      ],
    ],
  ];
  for (const [name, lines, fields] of table) accepts(t, name, withLines(...lines), { fields });
});

t.test('obs-fold in fields of framing', async (t) => {
  const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
  accepts(t, 'Content-Length', `${head('Content-Length:', ' 5')}hello`, {
    body: 'hello',
    framing: 5,
  });
  accepts(t, 'Content-Length, behind', `${head('Content-Length: 5', ' ')}hello`, { body: 'hello' });
  accepts(t, 'elsewhere', `${head('Content-Length: 000000000000000000005', 'A: b', ' c')}hello`, {
    body: 'hello',
    fields: [
      ['Content-Length', '000000000000000000005'],
      ['A', 'b c'],
    ],
  });
  accepts(t, 'Transfer-Encoding', `${head('Transfer-Encoding:', '\tchunked')}1\r\nx\r\n0\r\n\r\n`, {
    body: 'x',
    framing: 'chunked',
  });
  accepts(t, 'elsewhere, chunked', `${head('A: b', ' c', 'Transfer-Encoding: chunked')}0\r\n\r\n`, {
    framing: 'chunked',
  });
  rejects(t, 'digits on two lines', head('Content-Length: 5', ' 5'), 'Content-Length "5 5"');
  rejects(
    t,
    'Content-Length that hides behind it',
    head('Transfer-Encoding:', ' chunked', 'Content-Length: 5'),
    'both',
  );
  rejects(
    t,
    'a coding that is not asked for',
    head('Transfer-Encoding: gzip,', ' chunked'),
    'not asked for, "gzip"',
  );
  // On the line of another field it is that one's value.
  accepts(
    t,
    'Transfer-Encoding in a value',
    `${head('Content-Length: 2', 'A: b', ' Transfer-Encoding: chunked')}ok`,
    {
      body: 'ok',
      framing: 2,
    },
  );
});

t.test('white space before the first field is refused, and before the first trailer', async (t) => {
  rejects(t, 'a space', withLines(' Host: foo'), 'white space before the first field line');
  rejects(t, 'a tab', withLines('\tHost: foo'), 'white space before the first field line');
  rejects(t, 'a line of it', withLines(' ', 'A: b'), 'white space before the first field line');
  const chunked = 'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n';
  rejects(t, 'in trailers', `${chunked} c: d\r\n\r\n`, 'white space before the first field line');
});

t.test('long white space takes no more time than other text', async (t) => {
  const blank = ' '.repeat(60_000);
  const started = performance.now();
  t.equal(violationOf(withLines(`A: b${blank}c`, ' d')), null, 'in a folded head');
  t.equal(violationOf(withLines(`A: b${blank}`, `${blank.slice(0, 4000)}c`)), null, 'at a fold');
  t.equal(
    violationOf(`HTTP/1.1 200 OK\r\nTransfer-Encoding: a${blank}b\r\n\r\n`),
    null,
    'in Transfer-Encoding',
  );
  t.match(
    violationOf(`HTTP/1.1 200 OK\r\nContent-Length: 1${blank}2\r\n\r\n`),
    'Content-Length',
    'in Content-Length',
  );
  t.ok(performance.now() - started < 500, 'quadratic, it would be seconds');
});
