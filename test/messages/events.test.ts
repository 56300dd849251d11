import t from 'tap';
import { DecodingError } from '../../src/errors.ts';
import type { EventsOptions, ServerSentEvent } from '../../src/messages/events.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource, type Given } from '../support/stub-source.ts';

const request = new Request('GET', 'http://h/events');

function responseOf(...pieces: Given[]): Response {
  return new Response(200, { body: new StubSource(...pieces), request });
}

async function eventsIn(response: Response, options?: EventsOptions): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for await (const event of response.iterEvents(options)) events.push(event);
  return events;
}

/** What differs from an event of type `message` without an id. */
function eventOf(data: string, more: Partial<ServerSentEvent> = {}): ServerSentEvent {
  return { type: 'message', lastEventId: '', retry: undefined, ...more, data };
}

// WHATWG HTML §9.2.6, and its examples in §9.2.6 and §9.2.5.
const CASES: [why: string, stream: string, events: ServerSentEvent[]][] = [
  ['nothing', '', []],
  ['data', 'data: a\n\n', [eventOf('a')]],
  ['one space is dropped, and no more', 'data:a\n\ndata:  a \n\n', [eventOf('a'), eventOf(' a ')]],
  ['lines of data are joined', 'data: YHOO\ndata: +2\ndata: 10\n\n', [eventOf('YHOO\n+2\n10')]],
  ['comments are ignored', ': test stream\n\ndata: a\n: b\n:\ndata: c\n\n', [eventOf('a\nc')]],
  ['a type', 'event: add\ndata: 7\n\ndata: 8\n\n', [eventOf('7', { type: 'add' }), eventOf('8')]],
  ['the last type counts', 'event: a\nevent: b\ndata\n\n', [eventOf('', { type: 'b' })]],
  ['an empty type is none', 'event: a\nevent:\ndata\n\n', [eventOf('')]],
  [
    'an id stays until another one comes',
    'data: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
    [
      eventOf('first event', { lastEventId: '1' }),
      eventOf('second event'),
      eventOf(' third event'),
    ],
  ],
  [
    'also where it comes without data',
    'id: 1\n\ndata: a\n\nid: 2\nevent: x\n\ndata: b\n\n',
    [eventOf('a', { lastEventId: '1' }), eventOf('b', { lastEventId: '2' })],
  ],
  ['an id with NUL is ignored', 'id: 1\nid: a\0b\ndata\n\n', [eventOf('', { lastEventId: '1' })]],
  [
    'data without a colon, or without a value',
    'data\n\ndata\ndata\n\ndata:',
    [eventOf(''), eventOf('\n')],
  ],
  ['no data, no event', 'event: a\n\nid: 1\n\n\n\n', []],
  ['what has not ended is none', 'data: a\n\ndata: b\n', [eventOf('a')]],
  [
    'retry',
    'retry: 1500\ndata: a\n\ndata: b\n\n',
    [eventOf('a', { retry: 1500 }), eventOf('b', { retry: 1500 })],
  ],
  [
    'retry is digits alone',
    'retry: 1s\nretry: -1\nretry:\nretry: 1.5\nretry: ١\ndata\n\n',
    [eventOf('')],
  ],
  ['other fields are ignored', 'foo: 1\nDATA: 2\n data: 3\ndata : 4\n\n', []],
  ['a colon in a value', 'data: a: b\n\ndata::\n\n', [eventOf('a: b'), eventOf(':')]],
  ['CRLF', 'data: a\r\ndata: b\r\n\r\n', [eventOf('a\nb')]],
  ['CR', 'data: a\rdata: b\r\r', [eventOf('a\nb')]],
  [
    'all of them',
    'data: a\r\n\ndata: b\n\rdata: c\r\r\n',
    [eventOf('a'), eventOf('b'), eventOf('c')],
  ],
  ['a mark at the start', '\ufeffdata: a\n\n', [eventOf('a')]],
  ['two are one too many', '\ufeff\ufeffdata: a\n\n', []],
  ['a mark further on is text', 'data: \ufeffa\n\n\ufeffdata: b\n\n', [eventOf('\ufeffa')]],
  [
    'characters',
    'event: é\ndata: 😀\u2028\x85\x0b\n\n',
    [eventOf('😀\u2028\x85\x0b', { type: 'é' })],
  ],
];

for (const [why, stream, expected] of CASES) {
  t.test(`events: ${why}`, async (t) => {
    const bytes = Buffer.from(stream);
    t.same(await eventsIn(responseOf(bytes)), expected);
    const one = Array.from(bytes, (byte) => Uint8Array.of(byte));
    t.same(await eventsIn(responseOf(...one)), expected, 'byte by byte');
    for (let at = 0; at <= bytes.length; at++) {
      const events = await eventsIn(responseOf(bytes.subarray(0, at), bytes.subarray(at)));
      t.same(events, expected, `divided at ${at}`);
    }
  });
}

t.test(
  'the stream is UTF-8, whatever the headers say; what is not valid is replaced',
  async (t) => {
    const headers = { 'content-type': 'text/event-stream; charset=latin1' };
    const body = new StubSource('data: é\n\n', Buffer.from('data: \xff\n\n', 'latin1'));
    t.same(await eventsIn(new Response(200, { headers, body })), [eventOf('é'), eventOf('\ufffd')]);
  },
);

t.test('an event is there as soon as it has ended', async (t) => {
  const source = new StubSource('data: a\r\n\r', '\ndata: b\n\n', 'data: c\n\n');
  const seen: string[] = [];
  for await (const { data } of new Response(200, { body: source }).iterEvents()) {
    seen.push(`${data}${source.pulls}`);
    if (data === 'b') break;
  }
  t.same(seen, ['a1', 'b2']);
  t.equal(source.cancels, 1, 'who leaves closes the response');
});

t.test('a body that is kept can be gone through again', async (t) => {
  const response = new Response(200, { body: 'data: a\n\n' });
  t.same(await eventsIn(response), [eventOf('a')]);
  t.same(await eventsIn(response), [eventOf('a')]);
});

t.test('an event has at most 1 MiB, or maxEventSize', async (t) => {
  const options = { maxEventSize: 10 };
  const fits = [
    'data: 7890\n\ndata: 7890\r\n\r\n',
    'data:\ndata:\n\n',
    ':234567890\n:234567890\n:234567890\ndata: 7890\n\n',
  ];
  for (const text of fits) {
    t.ok((await eventsIn(responseOf(text), options)).length > 0, text);
    t.ok(
      (await eventsIn(responseOf(...text.split('')), options)).length > 0,
      `${text}, byte by byte`,
    );
  }
  for (const text of [
    'data: 78901\n\n',
    'data:\ndata:1\n\n',
    'foo: 789\nfoo: 789',
    'data: 789012',
    ':2345678901',
  ]) {
    const source = new StubSource(text);
    const response = new Response(200, { body: source, request });
    const error = await rejection(eventsIn(response, options), DecodingError);
    t.equal(error.message, 'GET http://h/events: an event has more than 10 bytes (maxEventSize)');
    t.equal(source.cancels, 1, 'the connection is given up');
    await rejection(eventsIn(responseOf(...text.split('')), options), DecodingError);
  }
  const endless = new StubSource(
    'data: ',
    ...Array.from({ length: 20 }, () => Buffer.alloc(128 * 1024, 'x')),
  );
  await rejection(eventsIn(new Response(200, { body: endless, request })), DecodingError);
  t.equal(endless.pulls, 9);
  const large = `data: ${'x'.repeat(3_000_000)}\n\n`;
  t.equal((await eventsIn(responseOf(large), { maxEventSize: null })).length, 1);
  t.throws(() => responseOf().iterEvents({ maxEventSize: -1 }), {
    name: 'TypeError',
    message: 'maxEventSize: expected a number of bytes above 0, or null, got -1',
  });
});

t.test('a stream that goes on for ever with comments is not an event', async (t) => {
  const pings = Array.from({ length: 100 }, () => Buffer.from(`: ${'x'.repeat(50_000)}\n`));
  t.same(await eventsIn(responseOf(...pings, 'data: a\n\n')), [eventOf('a')]);
});

t.test('what the body fails with comes through', async (t) => {
  const reason = new Error('reset');
  t.equal(await rejection(eventsIn(responseOf('data: a\n\n', reason))), reason);
});
