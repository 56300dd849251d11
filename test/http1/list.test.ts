import t from 'tap';
import { members, tokens } from '../../src/http1/list.ts';

t.test('the members of a list, without the white space around them', async (t) => {
  const table: [value: string, expected: string[]][] = [
    ['', ['']],
    ['a', ['a']],
    [' \ta b\t ', ['a b']],
    ['a,b', ['a', 'b']],
    ['a , b\t,\tc', ['a', 'b', 'c']],
    [',a,,b,', ['', 'a', '', 'b', '']],
    // Only SP and HTAB are white space in HTTP.
    ['\xa0a', ['\xa0a']],
  ];
  for (const [value, expected] of table) t.same(members(value), expected, JSON.stringify(value));
});

t.test('a list of tokens: no case, no empty members', async (t) => {
  t.same(tokens(null), []);
  t.same(tokens(''), []);
  t.same(tokens(' , ,'), []);
  t.same(tokens('Keep-Alive, close,, UPGRADE '), ['keep-alive', 'close', 'upgrade']);
  t.same(tokens('\xa0close'), ['\xa0close']);
});

t.test('long white space takes no more time than other text', async (t) => {
  const started = performance.now();
  t.same(members(`a${' '.repeat(60_000)}b`), [`a${' '.repeat(60_000)}b`]);
  t.equal(members(' ,'.repeat(30_000)).length, 30_001);
  t.ok(performance.now() - started < 500);
});
