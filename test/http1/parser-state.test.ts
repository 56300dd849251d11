import t from 'tap';
import { DEFAULT_LIMITS } from '../../src/http1/limits.ts';
import { ResponseParser, type ParserEvents, type ParserState } from '../../src/http1/parser.ts';
import { byte, Violation } from '../../src/http1/violation.ts';
import { accepts, feed, Feeder, rejects } from './feed.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** Input that leaves the parser in each state, and what the end of the connection means there. */
const STATES: [
  state: ParserState,
  input: string,
  violation: string | null,
  options?: { method?: string; upgrade?: boolean },
][] = [
  ['head', '', 'the connection ended before the response'],
  ['head', 'H', 'the connection ended within the head'],
  ['head', 'HTTP/1.1 301 Moved Permanently\r\nFoo: bar', 'the connection ended within the head'],
  ['head', `${OK}Content-Length: 5\r\n\r`, 'the connection ended within the head'],
  ['head', 'HTTP/1.1 100 Continue\r\n\r\n', 'the connection ended before the response'],
  ['head', 'HTTP/1.1 100 Continue\r\n\r\nH', 'the connection ended within the head'],
  ['length', `${OK}Content-Length: 5\r\n\r\n`, 'the body ended after 0 of 5 bytes'],
  ['length', `${OK}Content-Length: 5\r\n\r\nhell`, 'the body ended after 4 of 5 bytes'],
  ['chunk-line', CHUNKED, 'the connection ended within a chunked body, after 0 bytes'],
  ['chunk-line', `${CHUNKED}5`, 'the connection ended within a chunked body, after 0 bytes'],
  ['chunk-line', `${CHUNKED}5;a="`, 'the connection ended within a chunked body, after 0 bytes'],
  [
    'chunk-line',
    `${CHUNKED}5\r\nhello\r\n`,
    'the connection ended within a chunked body, after 5 bytes',
  ],
  [
    'chunk-line',
    `${CHUNKED}5\r\nhello\r\n0`,
    'the connection ended within a chunked body, after 5 bytes',
  ],
  ['chunk-data', `${CHUNKED}5\r\n`, 'the connection ended within a chunked body, after 0 bytes'],
  ['chunk-data', `${CHUNKED}5\r\nhel`, 'the connection ended within a chunked body, after 3 bytes'],
  [
    'chunk-end',
    `${CHUNKED}5\r\nhello`,
    'the connection ended within a chunked body, after 5 bytes',
  ],
  [
    'chunk-end',
    `${CHUNKED}5\r\nhello\r`,
    'the connection ended within a chunked body, after 5 bytes',
  ],
  [
    'trailers',
    `${CHUNKED}5\r\nhello\r\n0\r\n`,
    'the connection ended within a chunked body, after 5 bytes',
  ],
  [
    'trailers',
    `${CHUNKED}0\r\nA: b\r\n`,
    'the connection ended within a chunked body, after 0 bytes',
  ],
  ['trailers', `${CHUNKED}0\r\n\r`, 'the connection ended within a chunked body, after 0 bytes'],
  ['until-close', `${OK}\r\n`, null],
  ['until-close', `${OK}\r\nhello`, null],
  ['complete', `${OK}Content-Length: 2\r\n\r\nok`, null],
  ['complete', `${CHUNKED}0\r\n\r\n`, null],
  ['tunnel', `${OK}\r\n`, null, { method: 'CONNECT' }],
  ['tunnel', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', null, { upgrade: true }],
];

t.test('the end of the connection, in each state', async (t) => {
  for (const [state, input, violation, options] of STATES) {
    const name = `${state}, ${JSON.stringify(input)}`;
    const feeder = feed(input, options);
    t.equal(feeder.parser.state, state, name);
    if (violation !== null) {
      rejects(t, `${name}: it is cut short`, input, violation, { ...options, close: true });
      continue;
    }
    feeder.finish();
    t.equal(
      feeder.parser.state,
      state === 'until-close' ? 'complete' : state,
      'nothing is missing',
    );
    t.equal(feeder.reading.complete, state !== 'tunnel');
  }
  const parser = new ResponseParser(silent());
  parser.finish();
  t.equal(parser.state, 'idle', 'nothing was asked for');
});

t.test('moves that there are not', async (t) => {
  for (const [state, input, , options] of STATES) {
    const { parser } = feed(input, options);
    if (state === 'complete') {
      parser.begin('GET', false);
      t.equal(parser.state, 'head', 'from complete to the next response');
    } else {
      t.throws(
        () => parser.begin('GET', false),
        { message: `http1 parser: from ${state} there is no way to head` },
        `begin in ${state}`,
      );
      t.equal(parser.state, state, 'it stays where it was');
    }
  }
  const bytes = Buffer.from('x');
  const idle = new ResponseParser(silent());
  t.throws(() => idle.push(bytes, 0, 1), { message: 'http1 parser: bytes pushed in state idle' });
  const { parser: failed } = feed('nope');
  t.equal(failed.state, 'failed');
  t.throws(() => failed.push(bytes, 0, 1), {
    message: 'http1 parser: bytes pushed in state failed',
  });
  t.throws(() => failed.finish(), { message: 'http1 parser: finished in state failed' });
  t.throws(() => failed.begin('GET', false), {
    message: 'http1 parser: from failed there is no way to head',
  });
});

t.test('bytes beyond a response are left alone', async (t) => {
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\n\r\n');
  for (const [state, input, , options] of STATES.filter(
    ([state]) => state === 'complete' || state === 'tunnel',
  )) {
    const { parser } = feed(input, options);
    t.equal(parser.push(bytes, 3, bytes.length), 3, state);
    t.equal(parser.state, state);
  }
  const tunnel = feed(`${OK}\r\n\0\x01\x02`, { method: 'CONNECT' });
  t.equal(tunnel.reading.taken, OK.length + 2, 'what follows the head of a tunnel is its own');
});

t.test('no bytes do nothing', async (t) => {
  for (const [state, input, , options] of STATES) {
    const { parser, log } = feed(input, options);
    const { length } = log;
    t.equal(parser.push(Buffer.from('xyz'), 1, 1), 1, state);
    t.equal(parser.state, state);
    t.equal(log.length, length);
  }
});

t.test('101 where it was asked for', async (t) => {
  const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n';
  const expected = { status: 101, framing: 'tunnel' as const };
  accepts(t, 'alone', `${head}\r\n`, expected, { upgrade: true });
  accepts(t, 'with a length', `${head}Content-Length: 4\r\n\r\n`, expected, { upgrade: true });
  accepts(t, 'with a coding', `${head}Transfer-Encoding: chunked\r\n\r\n`, expected, {
    upgrade: true,
  });
  accepts(
    t,
    'with both',
    `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`,
    expected,
    { upgrade: true },
  );
  accepts(
    t,
    'after an interim response',
    `HTTP/1.1 100 Continue\r\n\r\n${head}\r\n`,
    { ...expected, interim: [{ status: 100 }] },
    { upgrade: true },
  );
  accepts(t, 'to POST', `${head}\r\n`, expected, { upgrade: true, method: 'POST' });
  accepts(t, 'to HEAD', `${head}\r\n`, expected, { upgrade: true, method: 'HEAD' });
  accepts(
    t,
    'another answer',
    `${OK}Content-Length: 2\r\n\r\nok`,
    { status: 200, body: 'ok' },
    { upgrade: true },
  );
});

t.test('101 where it was not', async (t) => {
  const offence = '101 Switching Protocols without having been asked to';
  rejects(t, 'alone', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', offence);
  rejects(t, 'to CONNECT', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', offence, {
    method: 'CONNECT',
  });
  rejects(
    t,
    'after an interim response',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 x\r\n\r\n',
    offence,
  );
});

t.test('interim responses', async (t) => {
  const last = `${OK}Content-Length: 2\r\n\r\nok`;
  const expected = { status: 200, body: 'ok' };
  accepts(t, '100', `HTTP/1.1 100 Continue\r\n\r\n${last}`, {
    ...expected,
    interim: [{ status: 100, statusText: 'Continue', fields: [] }],
  });
  accepts(t, '102', `HTTP/1.1 102 Processing\r\n\r\n${last}`, {
    ...expected,
    interim: [{ status: 102 }],
  });
  accepts(t, 'one that nobody knows', `HTTP/1.1 199 Hm\r\n\r\n${last}`, {
    ...expected,
    interim: [{ status: 199 }],
  });
  accepts(t, 'of HTTP/1.0', `HTTP/1.0 100 Continue\r\n\r\n${last}`, { ...expected, minor: 1 });
  accepts(
    t,
    '103, whose fields are its own',
    `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${last}`,
    {
      ...expected,
      interim: [{ status: 103, fields: [['Link', '</a.css>; rel=preload']] }],
      fields: [['Content-Length', '2']],
    },
  );
  accepts(
    t,
    'several',
    `HTTP/1.1 100 a\r\n\r\nHTTP/1.1 103 b\r\nA: b\r\n\r\nHTTP/1.1 103 c\r\nC: d\r\n e\r\n\r\n${last}`,
    {
      ...expected,
      interim: [
        { status: 100, statusText: 'a' },
        { status: 103, fields: [['A', 'b']] },
        { status: 103, fields: [['C', 'd e']] },
      ],
    },
  );
  accepts(
    t,
    'framing fields of an interim one count for nothing',
    `HTTP/1.1 100 x\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${OK}\r\nrest`,
    {
      framing: 'until-close',
      body: 'rest',
    },
    { close: true },
  );
  const { parser } = feed(
    `HTTP/1.1 100 x\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nKeep-Alive: max=1\r\n\r\n${last}`,
  );
  const plain = feed(last).parser.head;
  t.equal(parser.head.fields, plain.fields);
  t.equal(parser.head.chunked, false);
  rejects(
    t,
    'what is wrong with one is wrong',
    `HTTP/1.1 100 x\r\nA : b\r\n\r\n${last}`,
    'white space',
  );
  rejects(
    t,
    'and with the final one',
    `HTTP/1.1 100 x\r\n\r\nhello${last}`,
    'expected a status line',
  );
});

t.test('one response after the other', async (t) => {
  const feeder = new Feeder();
  const input = Buffer.from(
    `${OK}Content-Length: 3\r\n\r\nAAA` +
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 201 Created\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nBBBB\r\n0\r\nx: y\r\n\r\n` +
      `HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n` +
      `\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nCCCCC`,
  );
  const seen: unknown[] = [];
  let at = 0;
  for (let i = 0; i < 4; i++) {
    if (i > 0) feeder.parser.begin('GET', false);
    t.equal(feeder.parser.started, false);
    at = feeder.parser.push(input, at, input.length);
    const { parser, reading } = feeder;
    seen.push([
      parser.state,
      reading.head?.status,
      reading.head?.minor,
      parser.framing,
      parser.bodyBytes,
      reading.trailers,
      parser.head.fields,
    ]);
    reading.complete = false;
  }
  t.equal(at, input.length);
  t.equal(feeder.reading.body, 'AAABBBBCCCCC');
  t.same(seen, [
    ['complete', 200, 1, 3, 3, null, 1],
    ['complete', 201, 0, 'chunked', 4, [['x', 'y']], 6],
    ['complete', 304, 1, 'none', 0, null, 1],
    ['complete', 202, 1, 5, 5, null, 1],
  ]);
});

t.test('started: bytes of the response have come', async (t) => {
  const feeder = new Feeder();
  t.equal(feeder.parser.started, false);
  const input = `${OK}Content-Length: 2\r\n\r\nok`;
  for (let i = 0; i < input.length; i++) {
    feeder.push(Buffer.from(input), i, i + 1, Buffer.alloc(0));
    t.equal(feeder.parser.started, true);
  }
});

t.test('a push brings one piece of body at most', async (t) => {
  const inputs = [
    `${OK}Content-Length: 9\r\n\r\n123456789`,
    `${CHUNKED}3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n0\r\n\r\n`,
    `${OK}\r\n123456789`,
  ];
  for (const input of inputs) {
    for (let cut = 1; cut < input.length; cut++) {
      const { log } = feed(input, {}, [cut]);
      const pieces = log.filter(({ event }) => event === 'body').map(({ given }) => given);
      if (new Set(pieces).size !== pieces.length) t.fail(`${JSON.stringify(input)} cut at ${cut}`);
    }
  }
  t.pass();
});

t.test('what a listener throws goes to the caller, and the parser is of no more use', async (t) => {
  const input = Buffer.from(`HTTP/1.1 100 x\r\n\r\n${CHUNKED}1\r\nx\r\n0\r\n\r\n`);
  for (const method of ['onInformational', 'onHead', 'onBody', 'onComplete'] as const) {
    const fault = new Error(method);
    const events = silent();
    events[method] = () => {
      throw fault;
    };
    const parser = new ResponseParser(events, DEFAULT_LIMITS);
    parser.begin('GET', false);
    t.throws(() => parser.push(input, 0, input.length), fault);
    t.equal(parser.state, 'failed');
  }
});

t.test('a violation is an Error by its own name, and shows bytes as what they are', async (t) => {
  const violation = new Violation('x');
  t.ok(violation instanceof Error);
  t.equal(violation.name, 'Violation');
  t.same([0, 0x20, 0x22, 0x41, 0x7e, 0x7f, 0xff].map(byte), [
    '0x00',
    '0x20',
    '"\\""',
    '"A"',
    '"~"',
    '0x7f',
    '0xff',
  ]);
});

function silent(): ParserEvents {
  return { onInformational() {}, onHead() {}, onBody() {}, onComplete() {} };
}
