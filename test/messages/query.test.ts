import t from 'tap';
import { type FormInit, searchParams } from '../../src/messages/content/memory.ts';
import { mergedQuery } from '../../src/messages/query.ts';
import { random } from '../support/random.ts';

const merged = (target: string, init: FormInit): string =>
  mergedQuery(target, searchParams('params', init), init);

t.test('params are added to a query, replace what has their names, and null removes', async (t) => {
  const cases: [target: string, params: FormInit, result: string][] = [
    ['/x', {}, '/x'],
    ['/x?', {}, '/x'],
    ['/x', { a: 1 }, '/x?a=1'],
    ['/x?', { a: 1 }, '/x?a=1'],
    ['/x?b=2', { a: 1 }, '/x?b=2&a=1'],
    ['/x?a=0', { a: 1 }, '/x?a=1'],
    ['/x?a=0&b=2&a=3', { a: 1 }, '/x?b=2&a=1'],
    ['/x?a=0&b=2', { a: [1, 2] }, '/x?b=2&a=1&a=2'],
    ['/x?a=0&b=2', { a: null }, '/x?b=2'],
    ['/x?a=0', { a: null }, '/x'],
    ['/x?a=0', { a: undefined }, '/x?a=0'],
    ['/x?a=0', { a: [] }, '/x?a=0'],
    ['/x?a=0', { a: '' }, '/x?a='],
    ['/x', { a: true, b: false, c: 0 }, '/x?a=true&b=false&c=0'],
    [
      '/x?a=0',
      [
        ['a', '1'],
        ['a', '2'],
      ],
      '/x?a=1&a=2',
    ],
    ['/x?a=0', new URLSearchParams('a=1'), '/x?a=1'],
    ['/x?a=0', new Map([['a', '1']]), '/x?a=1'],
  ];
  for (const [target, params, result] of cases) t.equal(merged(target, params), result);
});

t.test('what is there already stays, to the letter', async (t) => {
  const odd = "/x?b=%41+%20'&&c&=d&%zz=1&e=a=b?c&f=é";
  t.equal(merged(odd, { a: 1 }), "/x?b=%41+%20'&c&=d&%zz=1&e=a=b?c&f=é&a=1");
});

t.test('a name is the same however it is encoded', async (t) => {
  t.equal(merged('/x?%61=0&b', { a: 1 }), '/x?b&a=1');
  t.equal(merged('/x?a+b=0&c', { 'a b': 1 }), '/x?c&a+b=1');
  t.equal(merged('/x?a%20b=0&c', { 'a b': 1 }), '/x?c&a+b=1');
  t.equal(merged('/x?a&ab=2', { a: 1 }), '/x?ab=2&a=1');
  t.equal(merged('/x?a[]=0&a=2', { 'a[]': 1 }), '/x?a=2&a%5B%5D=1');
});

t.test('a second question mark is part of the query', async (t) => {
  t.equal(merged('/x?a=1?b=2&c=3', { c: 4 }), '/x?a=1?b=2&c=4');
  t.equal(merged('/x??a=1', { a: 2 }), '/x??a=1&a=2');
  t.equal(merged('/x??a=1', { '?a': 2 }), '/x?%3Fa=2');
});

t.test('text cannot break out of its value', async (t) => {
  t.equal(merged('/x', { a: 'b&c=d#e f+g' }), '/x?a=b%26c%3Dd%23e+f%2Bg');
  t.equal(merged('/x', { 'a\r\nb': '\r\n' }), '/x?a%0D%0Ab=%0D%0A');
});

t.test('random params are merged as a list of pairs would be', async (t) => {
  const r = random(20_264);
  const text = (): string =>
    Array.from({ length: r.int(0, 2) }, () => r.pick('ab +&=%?é#'.split(''))).join('');
  const pairs = (): [string, string][] =>
    Array.from({ length: r.int(0, 4) }, () => [text(), text()]);
  for (let round = 0; round < 2000; round++) {
    const [present, given] = [pairs(), pairs()];
    const target = `/x?${new URLSearchParams(present).toString()}`;
    const result = merged(target, given);
    const names = new Set(given.map(([name]) => name));
    const expected = [...present.filter(([name]) => !names.has(name)), ...given];
    t.same(
      [...new URLSearchParams(`&${result.split('?')[1] ?? ''}`)],
      expected,
      `${target} with ${JSON.stringify(given)}`,
    );
  }
});

t.test('what is no record, pair or URLSearchParams is a TypeError that says so', async (t) => {
  const cases: [unknown, RegExp][] = [
    [null, /^params: expected a record, pairs or URLSearchParams, got null$/],
    ['a=1', /got string$/],
    [7, /got number$/],
    [{ a: {} }, /^params\.a: expected a string, number or boolean, got object$/],
    [{ a: [{}] }, /^params\.a: .* got object$/],
    [{ a: () => 1 }, /^params\.a: .* got function$/],
    [{ a: Symbol('x') }, /^params\.a: .* got symbol$/],
    [{ a: new Date() }, /^params\.a: .* got object$/],
    [['ab'], /^params: expected pairs/],
    [[['a']], /^params: expected pairs/],
    [[['a', 'b', 'c']], /^params: expected pairs/],
  ];
  for (const [init, message] of cases) {
    t.throws(() => searchParams('params', init as FormInit), { name: 'TypeError', message });
  }
});
