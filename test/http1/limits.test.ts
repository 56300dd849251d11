import t from 'tap';
import { DEFAULT_LIMITS } from '../../src/http1/limits.ts';
import { accepts, feed, rejects, violationOf } from './feed.ts';

const STATUS_LINE = 'HTTP/1.1 200 OK\r\n';

/** A head of exactly this many bytes, with a body of no length. */
function headOf(
  size: number,
  statusLine = STATUS_LINE,
  last = 'Content-Length: 0\r\n\r\n',
): string {
  const padding = size - statusLine.length - last.length - 'X: \r\n'.length;
  return `${statusLine}X: ${'x'.repeat(padding)}\r\n${last}`;
}

t.test('the defaults', async (t) => {
  t.same(DEFAULT_LIMITS, { maxHeadBytes: 65_536, maxFields: 200, maxChunkLine: 4096 });
  accepts(t, 'a head of 64 KiB', headOf(65_536), { status: 200 });
  rejects(t, 'and a byte', headOf(65_537), 'more than 65536 bytes of head (maxHeadBytes)');
});

t.test('bytes of a head', async (t) => {
  const options = { limits: { maxHeadBytes: 100 } };
  const offence = 'more than 100 bytes of head (maxHeadBytes)';
  accepts(t, 'at the limit', headOf(100), { framing: 0 }, options);
  rejects(t, 'one beyond', headOf(101), offence, options);
  accepts(
    t,
    'the body does not count',
    `${headOf(100, STATUS_LINE, 'Content-Length: 300\r\n\r\n')}${'x'.repeat(300)}`,
    { body: 'x'.repeat(300) },
    options,
  );
  rejects(t, 'an endless status line', `HTTP/1.1 200 ${'x'.repeat(88)}`, offence, options);
  t.equal(
    violationOf(`HTTP/1.1 200 ${'x'.repeat(87)}`, options),
    null,
    'at the limit it may still end',
  );
  rejects(t, 'an endless name', STATUS_LINE + 'x'.repeat(84), offence, options);
  rejects(t, 'an endless value', `${STATUS_LINE}x:${'x'.repeat(82)}`, offence, options);
  rejects(t, 'endless white space', `${STATUS_LINE}x:${' '.repeat(82)}`, offence, options);
  rejects(t, 'an endless fold', `${STATUS_LINE}x: y${'\r\n y'.repeat(30)}`, offence, options);
  rejects(t, 'the last LF', headOf(101).slice(0, -1) + '\n', offence, options);
  rejects(t, 'in one piece that is much too long', headOf(5000), offence, options);
  accepts(
    t,
    'what is wrong within the limit is named as such',
    headOf(100),
    { status: 200 },
    options,
  );
  rejects(
    t,
    'and beyond the limit is not looked at',
    `${headOf(101).slice(0, -5)}\0\0\0\0\0`,
    /maxHeadBytes|0x00/,
    options,
  );
});

t.test('bytes of several heads count together', async (t) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  const options = { limits: { maxHeadBytes: 100 } };
  const two = interim + interim;
  accepts(
    t,
    'at the limit',
    two + headOf(100 - two.length),
    { interim: [{ status: 100 }, { status: 100 }] },
    options,
  );
  rejects(t, 'one beyond', two + headOf(101 - two.length), 'maxHeadBytes', options);
  accepts(
    t,
    'four interim ones',
    interim.repeat(3) + 'HTTP/1.1 204 None\r\n\r\n',
    { status: 204 },
    options,
  );
  rejects(t, 'without end', interim.repeat(9), 'maxHeadBytes', options);
  const { parser } = feed(interim.repeat(4), options);
  t.equal(parser.state, 'head', 'nothing is wrong while nothing more comes');
  t.equal(parser.started, false);
});

t.test('every response has the whole of it', async (t) => {
  const feeder = feed(headOf(100), { limits: { maxHeadBytes: 100 } });
  const bytes = Buffer.from(headOf(100));
  for (let i = 0; i < 3; i++) {
    feeder.parser.begin('GET', false);
    t.equal(feeder.parser.push(bytes, 0, 50), 50);
    t.equal(feeder.parser.push(bytes, 50, 100), 100);
    t.equal(feeder.parser.state, 'complete');
  }
});

t.test('field lines', async (t) => {
  const options = { limits: { maxFields: 3 } };
  const offence = 'more than 3 field lines (maxFields)';
  const end = 'Content-Length: 0\r\n\r\n';
  accepts(t, 'at the limit', `${STATUS_LINE}a: 1\r\nb: 2\r\n${end}`, { framing: 0 }, options);
  rejects(t, 'one beyond', `${STATUS_LINE}a: 1\r\nb: 2\r\nc: 3\r\n${end}`, offence, options);
  rejects(t, 'the same one', STATUS_LINE + 'a: 1\r\n'.repeat(4), offence, options);
  accepts(
    t,
    'folds do not count',
    `${STATUS_LINE}a: 1\r\n 2\r\n 3\r\n 4\r\nb: 2\r\n${end}`,
    { framing: 0 },
    options,
  );
  const interim = 'HTTP/1.1 103 Early Hints\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n';
  accepts(
    t,
    'each head has its own',
    `${interim}${STATUS_LINE}a: 1\r\nb: 2\r\n${end}`,
    { framing: 0 },
    options,
  );
  const many = (count: number): string => STATUS_LINE + 'a:1\r\n'.repeat(count - 1) + end;
  accepts(t, '200 by default', many(200), { framing: 0 });
  rejects(t, '201', many(201), 'more than 200 field lines (maxFields)');
});

t.test('trailers have the limits of a head, for themselves', async (t) => {
  const options = { limits: { maxHeadBytes: 100, maxFields: 3 } };
  const start = `${headOf(100, STATUS_LINE, 'Transfer-Encoding: chunked\r\n\r\n')}1\r\nx\r\n0\r\n`;
  const padding = (size: number): string => `A: ${'x'.repeat(size - 'A: \r\n\r\n'.length)}`;
  const trailers = (line: string): [string, string][] => [['A', line.slice(3)]];
  accepts(
    t,
    'bytes at the limit',
    `${start}${padding(100)}\r\n\r\n`,
    { body: 'x', trailers: trailers(padding(100)) },
    options,
  );
  rejects(t, 'one beyond', `${start}${padding(101)}\r\n\r\n`, 'maxHeadBytes', options);
  accepts(
    t,
    'fields at the limit',
    `${start}a:1\r\nb:2\r\nc:3\r\n\r\n`,
    {
      body: 'x',
      trailers: [
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
      ],
    },
    options,
  );
  rejects(t, 'one beyond', `${start}a:1\r\nb:2\r\nc:3\r\nd:4\r\n\r\n`, 'maxFields', options);
});

t.test('a chunk size line', async (t) => {
  const options = { limits: { maxChunkLine: 30 } };
  const start = `${STATUS_LINE}Transfer-Encoding: chunked\r\n\r\n`;
  const offence = 'more than 30 bytes of chunk size line (maxChunkLine)';
  /** A line of so many bytes, CRLF among them. */
  const line = (size: number, digits = '1'): string =>
    `${digits};${'x'.repeat(size - digits.length - 3)}\r\n`;
  accepts(t, 'at the limit', `${start}${line(30)}x\r\n0\r\n\r\n`, { body: 'x' }, options);
  rejects(t, 'one beyond', `${start}${line(31)}x\r\n0\r\n\r\n`, offence, options);
  accepts(
    t,
    'digits count',
    `${start}${line(30, '00000001')}x\r\n0\r\n\r\n`,
    { body: 'x' },
    options,
  );
  rejects(
    t,
    'digits count, one beyond',
    `${start}${line(31, '00000001')}x\r\n0\r\n\r\n`,
    offence,
    options,
  );
  accepts(
    t,
    'the last chunk, at the limit',
    `${start}1\r\nx\r\n${line(30, '0')}\r\n`,
    { body: 'x' },
    options,
  );
  rejects(
    t,
    'the last chunk, one beyond',
    `${start}1\r\nx\r\n${line(31, '0')}\r\n`,
    offence,
    options,
  );
  accepts(
    t,
    'each line has its own',
    `${start}${`${line(30)}x\r\n`.repeat(9)}0\r\n\r\n`,
    { body: 'x'.repeat(9) },
    options,
  );
  rejects(t, 'an endless name', `${start}1;${'x'.repeat(30)}`, offence, options);
  rejects(t, 'an endless value', `${start}1;a=${'x'.repeat(30)}`, offence, options);
  rejects(t, 'an endless quoted value', `${start}1;a="${'x'.repeat(30)}`, offence, options);
  rejects(t, 'endless white space', `${start}1${' '.repeat(31)}`, offence, options);
  rejects(t, 'endless extensions', `${start}1${';a'.repeat(30)}`, offence, options);
  accepts(t, '4 KiB by default', `${start}${line(4096)}x\r\n0\r\n\r\n`, { body: 'x' });
  rejects(t, '4 KiB and a byte', `${start}${line(4097)}x\r\n0\r\n\r\n`, 'more than 4096 bytes');
});

t.test('digits of a chunk size', async (t) => {
  const start = `${STATUS_LINE}Transfer-Encoding: chunked\r\n\r\n`;
  const sizes: [digits: string, size: number][] = [
    ['ffffffff', 2 ** 32 - 1],
    ['100000000', 2 ** 32],
    ['1fffffffffffff', 2 ** 53 - 1],
    ['001FFFFFFFFFFFFF', 2 ** 53 - 1],
  ];
  for (const [digits, size] of sizes) {
    const feeder = feed(`${start}${digits}\r\nabc`);
    t.equal(feeder.reading.body, 'abc', digits);
    t.equal(feeder.parser.state, 'chunk-data');
    // What is missing of it is known by what a length of the same size says.
    const known = feed(`${STATUS_LINE}Content-Length: ${size}\r\n\r\nabc`, { close: true });
    t.equal(known.reading.violation, `the body ended after 3 of ${size} bytes`);
  }
  accepts(t, 'sixteen digits', `${start}0000000000000001\r\nx\r\n0000000000000000\r\n\r\n`, {
    body: 'x',
  });
  const table = [
    '20000000000000',
    '7fffffffffffffff',
    'ffffffffffffffff',
    '10000000000000000',
    '00000000000000001',
    '00000000000000000',
    'f0000000000000003',
    '9'.repeat(100),
  ];
  for (const digits of table)
    rejects(t, digits, `${start}${digits}\r\nx`, 'a chunk size that is too large');
});
