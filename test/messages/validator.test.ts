import t from 'tap';
import { Headers } from '../../src/messages/headers.ts';
import { contentRange, strongValidator } from '../../src/messages/validator.ts';

t.test(
  'a strong entity tag stands for the bytes; a weak one does not, nor the date beside it',
  async (t) => {
    const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const cases: [Record<string, string>, string | null][] = [
      [{ etag: '"a"' }, '"a"'],
      [{ etag: '"a"', 'last-modified': modified }, '"a"'],
      [{ etag: 'W/"a"' }, null],
      [{ etag: 'W/"a"', 'last-modified': modified, date: 'Sun, 06 Nov 1994 08:49:39 GMT' }, null],
      [{ etag: 'a' }, null],
      [{ 'last-modified': modified, date: 'Sun, 06 Nov 1994 08:49:38 GMT' }, modified],
      [{ 'last-modified': modified, date: 'Sun, 06 Nov 1994 08:49:37 GMT' }, null],
      [{ 'last-modified': modified }, null],
      [{ 'last-modified': 'once', date: modified }, null],
      [{}, null],
    ];
    for (const [init, validator] of cases)
      t.equal(strongValidator(new Headers(init)), validator, JSON.stringify(init));
  },
);

t.test('Content-Range names the bytes, their size, or neither', async (t) => {
  const cases: [string, ReturnType<typeof contentRange>][] = [
    ['bytes 0-9/20', { first: 0, last: 9, size: 20 }],
    ['Bytes 10-19/*', { first: 10, last: 19, size: null }],
    ['bytes */20', { first: null, last: null, size: 20 }],
    ['bytes 0-9', null],
    ['bytes -9/20', null],
    ['items 0-9/20', null],
    ['bytes 0-9999999999999999/20', null],
    ['', null],
  ];
  for (const [value, range] of cases)
    t.same(contentRange(new Headers({ 'content-range': value })), range, value);
  t.equal(contentRange(new Headers()), null);
});
