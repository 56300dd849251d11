import t from 'tap';
import { accepts, feed, rejects, type Field } from './feed.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const LAST = '0\r\n\r\n';

t.test('chunks that are taken', async (t) => {
  const binary = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  const table: [name: string, body: string, expected: string][] = [
    ['none', LAST, ''],
    ['one', `5\r\nhello\r\n${LAST}`, 'hello'],
    [
      'several',
      `7\r\nhello, \r\n17\r\nworld! 0123456789abcdef\r\n${LAST}`,
      'hello, world! 0123456789abcdef',
    ],
    ['one byte each', `1\r\na\r\n1\r\nb\r\n1\r\nc\r\n${LAST}`, 'abc'],
    [
      'digits of both cases',
      `a\r\n0123456789\r\nA\r\n0123456789\r\n1a\r\n${'x'.repeat(26)}\r\n1B\r\n${'y'.repeat(27)}\r\n${LAST}`,
      `01234567890123456789${'x'.repeat(26)}${'y'.repeat(27)}`,
    ],
    ['leading zeros', `05\r\nhello\r\n0000000000000006\r\n world\r\n${LAST}`, 'hello world'],
    ['a last chunk of several zeros', '1\r\nx\r\n000\r\n\r\n', 'x'],
    ['a last chunk of sixteen zeros', '0000000000000000\r\n\r\n', ''],
    ['CRLF in the data', `4\r\n\r\n\r\n\r\n2\r\n\r\n\r\n${LAST}`, '\r\n\r\n\r\n'],
    [
      'what looks like chunks in the data',
      `13\r\n\r\n5\r\nhello\r\n0\r\n\r\n\0\xff\r\n${LAST}`,
      '\r\n5\r\nhello\r\n0\r\n\r\n\0\xff',
    ],
    ['every byte', `100\r\n${binary}\r\n${LAST}`, binary],
  ];
  for (const [name, body, expected] of table)
    accepts(t, name, HEAD + body, { body: expected, framing: 'chunked' });
});

t.test('chunk sizes that are refused', async (t) => {
  const expected = 'where a chunk size was expected';
  const table: [line: string, offence: string | RegExp][] = [
    ['\r\n', `0x0d ${expected}`],
    [' 5\r\n', `0x20 ${expected}`],
    ['\t5\r\n', `0x09 ${expected}`],
    ['x\r\n', `"x" ${expected}`],
    ['-\r\n', `"-" ${expected}`],
    ['-5\r\n', `"-" ${expected}`],
    ['+5\r\n', `"+" ${expected}`],
    ['g\r\n', `"g" ${expected}`],
    ['"5"\r\n', expected],
    [';a=b\r\n', `";" ${expected}`],
    ['\0\r\n', `0x00 ${expected}`],
    ['\xff\r\n', `0xff ${expected}`],
    ['/\r\n', `"/" ${expected}`],
    [':\r\n', `":" ${expected}`],
    ['@\r\n', `"@" ${expected}`],
    ['`\r\n', `"\`" ${expected}`],
    ['0x5\r\n', '"x" in or after a chunk size'],
    ['5x\r\n', '"x" in or after a chunk size'],
    ['5g\r\n', '"g" in or after a chunk size'],
    ['5.0\r\n', '"." in or after a chunk size'],
    ['5,5\r\n', '"," in or after a chunk size'],
    ['5_0\r\n', '"_" in or after a chunk size'],
    ['1e+1\r\n', '"+" in or after a chunk size'],
    ['5:a\r\n', '":" in or after a chunk size'],
    ['5=a\r\n', '"=" in or after a chunk size'],
    ['10\0\r\n', '0x00 in or after a chunk size'],
    ['5\x0b\r\n', '0x0b in or after a chunk size'],
    ['5\xa0\r\n', '0xa0 in or after a chunk size'],
    ['000000000000bogus\r\n', '"o" in or after a chunk size'],
    // White space at the end is none of the grammar's. h11, Go and hyper take it, llhttp does not.
    ['5 \r\n', 'white space at the end of a chunk size line'],
    ['5\t\r\n', 'white space at the end of a chunk size line'],
    ['5   \t \r\n', 'white space at the end of a chunk size line'],
    ['5 5\r\n', '"5" after white space in a chunk size line'],
    ['5 a\r\n', '"a" after white space in a chunk size line'],
    ['2 erfrferferf\r\n', '"e" after white space in a chunk size line'],
    // Ends of the line.
    ['5\n', 'a bare LF in a chunk size line'],
    ['\n', 'a bare LF in a chunk size line'],
    ['5 \n', 'a bare LF in a chunk size line'],
    ['5\r', 'a bare CR in a chunk size line'],
    ['5\r\r\n', 'a bare CR in a chunk size line'],
    ['F\rF', 'a bare CR in a chunk size line'],
  ];
  for (const [line, offence] of table) {
    rejects(t, JSON.stringify(line), `${HEAD}${line}hello\r\n${LAST}`, offence);
    rejects(
      t,
      `${JSON.stringify(line)}, second`,
      `${HEAD}1\r\nx\r\n${line}hello\r\n${LAST}`,
      offence,
    );
  }
});

t.test('chunk extensions that are taken', async (t) => {
  const table = [
    ';a',
    ';a=b',
    ';a;b',
    ';a=b;c=d',
    ';someext',
    ';ilovew3;somuchlove=aretheseparametersfor',
    ";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~",
    ';5=5',
    // BWS.
    ' ;a',
    '\t;a',
    '; a',
    ' ; a = b',
    ' \t ;\t a \t=\t b ;c',
    ';a ;b',
    ';a=b ;c',
    ';a="b" ;c',
    // Quoted strings.
    ';a=""',
    ';a="b"',
    ';a="some quoted string"',
    ';a="b;c";d="e";f;g=h',
    ';a="b=c, d"',
    ';a="\\""',
    ';a="\\\\"',
    ';a="\\b\\;\\ \\\t"',
    ';a="\tb\x80\xff"',
    ';a="x;\\"y"',
    ' ; a = "b" ; c',
    // An empty value. All take it.
    ';a=',
    ';a= ',
    ';a=;b',
    ';a =;b=c',
  ];
  for (const ext of table) {
    accepts(t, JSON.stringify(ext), `${HEAD}5${ext}\r\nhello\r\n0${ext}\r\n\r\n`, {
      body: 'hello',
    });
    accepts(
      t,
      `${JSON.stringify(ext)}, of more digits`,
      `${HEAD}00a${ext}\r\n0123456789\r\n${LAST}`,
      { body: '0123456789' },
    );
  }
});

t.test('chunk extensions that are refused', async (t) => {
  const noName = 'where the name of a chunk extension was expected';
  const table: [ext: string, offence: string][] = [
    [';', `0x0d ${noName}`],
    ['; ', `0x0d ${noName}`],
    [';;a', `";" ${noName}`],
    [';a;', `0x0d ${noName}`],
    [';a=b;', `0x0d ${noName}`],
    [';=b', `"=" ${noName}`],
    [';"a"', noName],
    [';(a)', `"(" ${noName}`],
    [';\0', `0x00 ${noName}`],
    [';\xe9', `0xe9 ${noName}`],
    [';a,b', '"," in or after the name of a chunk extension'],
    [';a"b"', 'in or after the name of a chunk extension'],
    [';a\0', '0x00 in or after the name of a chunk extension'],
    [';a/b', '"/" in or after the name of a chunk extension'],
    [';a b', '"b" after white space in a chunk size line'],
    [';a ', 'white space at the end of a chunk size line'],
    [';a=b ', 'white space at the end of a chunk size line'],
    [';a="b" ', 'white space at the end of a chunk size line'],
    [';a=b c', '"c" after white space in a chunk size line'],
    [';a==b', '"=" in or after the value of a chunk extension'],
    [';a=b=c', '"=" in or after the value of a chunk extension'],
    [';a=b"c"', 'in or after the value of a chunk extension'],
    [';a=b,c', '"," in or after the value of a chunk extension'],
    [';a=,', '"," in or after the value of a chunk extension'],
    [';a=\0', '0x00 in or after the value of a chunk extension'],
    [';a=b\0', '0x00 in or after the value of a chunk extension'],
    [';a="b"c', '"c" in or after the value of a chunk extension'],
    [';a="b""c"', 'in or after the value of a chunk extension'],
    [';a="b', '0x0d in the quoted value of a chunk extension'],
    [';a="b\\', '0x0d in the quoted value of a chunk extension'],
    [';a="b\\"', '0x0d in the quoted value of a chunk extension'],
    [';a="abc";c="def; ghi', '0x0d in the quoted value of a chunk extension'],
    [';a="\0"', '0x00 in the quoted value of a chunk extension'],
    [';a="\x7f"', '0x7f in the quoted value of a chunk extension'],
    [';a="\\\0"', '0x00 in the quoted value of a chunk extension'],
    [';a="\\\x7f"', '0x7f in the quoted value of a chunk extension'],
    [';a="\r\n"', '0x0d in the quoted value of a chunk extension'],
    // Bare CR and LF, at each place.
    [';\n', 'a bare LF in a chunk size line'],
    [';a\n', 'a bare LF in a chunk size line'],
    [';a \n', 'a bare LF in a chunk size line'],
    [';a=\n', 'a bare LF in a chunk size line'],
    [';a=b\n', 'a bare LF in a chunk size line'],
    [';a=b \n', 'a bare LF in a chunk size line'],
    [';a="\n"', 'a bare LF in a chunk size line'],
    [';a="\\\n"', 'a bare LF in a chunk size line'],
    [';a="b"\n', 'a bare LF in a chunk size line'],
    [';a\rb', 'a bare CR in a chunk size line'],
    [';a=\rb', 'a bare CR in a chunk size line'],
    [';a=b\rc', 'a bare CR in a chunk size line'],
    [';a="b"\r;', 'a bare CR in a chunk size line'],
    [';\ra', `0x0d ${noName}`],
    [' \r;a', 'white space at the end of a chunk size line'],
    [';a="\r"', '0x0d in the quoted value of a chunk extension'],
  ];
  for (const [ext, offence] of table) {
    rejects(t, JSON.stringify(ext), `${HEAD}5${ext}\r\nhello\r\n${LAST}`, offence);
    rejects(
      t,
      `${JSON.stringify(ext)}, of the last chunk`,
      `${HEAD}1\r\nx\r\n0${ext}\r\n\r\n`,
      offence,
    );
  }
});

t.test('ends of chunk data that are refused, once what is good has come out', async (t) => {
  const table: [body: string, offence: string][] = [
    ['5\r\nhello!\r\n', 'longer than the chunk size'],
    ['3\r\nabc__1a\r\n', 'longer than the chunk size'],
    ['3\r\nabc_\n1a\r\n', 'longer than the chunk size'],
    ['3\r\nabc0\r\n\r\n', 'longer than the chunk size'],
    ['3\r\nabc\0\r\n', 'longer than the chunk size'],
    ['3\r\nabc \r\n', 'longer than the chunk size'],
    ['3\r\nabc\n0\r\n\r\n', 'a bare LF after chunk data'],
    ['3\r\nabc\r0\r\n\r\n', 'a bare CR after chunk data'],
    ['3\r\nabc\r\r\n0\r\n\r\n', 'a bare CR after chunk data'],
    ['3\r\nabc\r_1a\r\n', 'a bare CR after chunk data'],
    ['4\r\nabc\r\n0\r\n\r\n', 'a bare LF after chunk data'],
    ['1\r\nZ\r\n\r\n\r\n', '0x0d where a chunk size was expected'],
  ];
  for (const [body, offence] of table) {
    rejects(t, JSON.stringify(body), HEAD + body, offence);
    rejects(t, `${JSON.stringify(body)}, second`, `${HEAD}2\r\nxy\r\n${body}`, offence);
  }
  t.equal(feed(`${HEAD}2\r\nxy\r\n3\r\nabc_`).reading.body, 'xyabc');
  t.equal(feed(`${HEAD}2\r\nxy\r\nq`).reading.body, 'xy');
});

t.test('trailers', async (t) => {
  const table: [name: string, lines: string[], trailers: Field[]][] = [
    ['one', ['Some: header'], [['Some', 'header']]],
    [
      'several',
      ['a: 1', 'B: 2', 'a: 3'],
      [
        ['a', '1'],
        ['B', '2'],
        ['a', '3'],
      ],
    ],
    ['empty', ['a:'], [['a', '']]],
    [
      'folded',
      ['a: b', ' c', 'd:', '\te'],
      [
        ['a', 'b c'],
        ['d', 'e'],
      ],
    ],
    // RFC 9110 §6.5.1: not in trailers. They frame nothing, and stay where they are.
    [
      'fields of framing',
      ['Content-Length: 5', 'Transfer-Encoding: gzip', 'Connection: close'],
      [
        ['Content-Length', '5'],
        ['Transfer-Encoding', 'gzip'],
        ['Connection', 'close'],
      ],
    ],
  ];
  for (const [name, lines, trailers] of table) {
    const section = lines.map((line) => `${line}\r\n`).join('');
    accepts(t, name, `${HEAD}0\r\n${section}\r\n`, { trailers });
    accepts(t, `${name}, after data`, `${HEAD}5\r\nhello\r\n0;x\r\n${section}\r\n`, {
      body: 'hello',
      trailers,
      fields: [['Transfer-Encoding', 'chunked']],
    });
  }
});

t.test('trailers that are refused', async (t) => {
  const table: [section: string, offence: string][] = [
    ['no colon here\r\n\r\n', 'white space in or after a field name, "no"'],
    ['nocolon\r\n\r\n', 'a field line without a colon, "nocolon"'],
    ['a : b\r\n\r\n', 'white space in or after a field name, "a"'],
    [': b\r\n\r\n', 'a field line without a name'],
    [' a: b\r\n\r\n', 'white space before the first field line'],
    ['a: b\0c\r\n\r\n', '0x00 in a field value'],
    ['a\0: b\r\n\r\n', '0x00 in a field name'],
    ['a: b\n\r\n', 'a bare LF in a field value'],
    ['a: b\rc: d\r\n\r\n', 'a bare CR in a field value'],
    ['bad\r\r\n', 'a field line without a colon'],
    ['\n', 'a field line without a colon, ""'],
    ['\rx', 'a bare CR at the end of the head'],
    ['a: b\r\n\r\r\n', 'a bare CR at the end of the head'],
    ['HTTP/1.1 200 OK\r\n\r\n', '"/" in a field name, after "HTTP"'],
    ['5\r\nhello\r\n0\r\n\r\n', 'a field line without a colon, "5"'],
  ];
  for (const [section, offence] of table)
    rejects(t, JSON.stringify(section), `${HEAD}5\r\nhello\r\n0\r\n${section}`, offence);
});

t.test('chunks of one push come out as one piece, whatever they were', async (t) => {
  const feeder = feed(`${HEAD}2\r\nab\r\n3;x\r\ncde\r\n1\r\nf\r\n0\r\nt: 1\r\n\r\n`);
  t.same(
    feeder.log.map(({ event, bytes }) => [event, bytes]),
    [
      ['head', ''],
      ['body', 'abcdef'],
      ['complete', ''],
    ],
  );
  t.equal(feeder.parser.bodyBytes, 6);
});

t.test('what the head says of the connection is still known after the trailers', async (t) => {
  const { parser } = feed(
    'HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n',
  );
  t.equal(parser.state, 'complete');
  t.equal(parser.headers.get('connection'), 'close');
  const { parser: head } = feed(
    'HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  t.equal(parser.head.fields, head.head.fields);
  t.equal(parser.head.chunked, true);
});
