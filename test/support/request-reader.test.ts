import t from 'tap';
import { chunked, lines } from './messages.ts';
import { type RequestEvent, RequestReader } from './request-reader.ts';

function read(bytes: string, size = bytes.length): RequestEvent[] {
  const reader = new RequestReader();
  const events: RequestEvent[] = [];
  for (let start = 0; start < bytes.length; start += size) {
    events.push(...reader.feed(Buffer.from(bytes.slice(start, start + size), 'latin1')));
  }
  return events;
}

const post = (...fields: string[]): string => lines('POST /x HTTP/1.1', ...fields, '', '');

t.test('reads the same however the bytes are cut', async (t) => {
  const two =
    post('Transfer-Encoding: gzip, chunked') +
    `3 ; a=b\r\nabc\r\n${chunked(['de'], 'T: 1')}${post('Content-Length: 2')}fg`;
  const summary = (events: RequestEvent[]): string =>
    events
      .map((event) => (event.type === 'data' ? event.bytes.toString() : ` ${event.type} `))
      .join('');
  for (let size = 1; size <= two.length; size += 1) {
    t.equal(summary(read(two, size)), ' head  chunk abc chunk de end  head fg end ');
  }
});

t.test('keeps what it has not looked at', async (t) => {
  const reader = new RequestReader();
  for (const event of reader.feed(Buffer.from(`${post()}rest`))) if (event.type === 'end') break;
  t.equal(reader.rest().toString(), 'rest');
});

t.test('refuses what a client must not send', async (t) => {
  const wrong: Record<string, string> = {
    'an empty line first': `\r\n${post()}`,
    'a space too many': 'GET  / HTTP/1.1\r\n\r\n',
    'a target with a space': 'GET /a b HTTP/1.1\r\n\r\n',
    'no version': 'GET /\r\n\r\n',
    'a space before the colon': post('A : b'),
    'a folded field': post('A: b', ' c'),
    'a bare LF': post('A: b\nC: d'),
    'a NUL': post('A: \0'),
    'two lengths': post('Content-Length: 1', 'Content-Length: 1'),
    'a length and chunks': post('Content-Length: 1', 'Transfer-Encoding: chunked'),
    'a negative length': post('Content-Length: -1'),
    'a body without end': post('Transfer-Encoding: gzip'),
    'a chunk without a size': `${post('Transfer-Encoding: chunked')}\r\n`,
    'a chunk that is too long': `${post('Transfer-Encoding: chunked')}1\r\nab\r\n`,
    'a bad trailer': `${post('Transfer-Encoding: chunked')}0\r\nA\r\n\r\n`,
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    t.throws(() => read(bytes), { name: 'MalformedRequest' }, what);
  }
});
