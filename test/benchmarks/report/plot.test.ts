import t from 'tap';
import { quantity } from '../../../benchmarks/report/figures.ts';
import { plot } from '../../../benchmarks/report/plot.ts';

const lines = [
  {
    label: 'a < b',
    points: [
      { x: 0, y: 4 },
      { x: 1, y: 5 },
      { x: 10, y: 8 },
      { x: 100, y: 40 },
    ],
  },
  { label: 'other', points: [{ x: 100, y: 41 }] },
];
const svg = plot({ title: 'T & U', axis: 'layers', unit: 'µs', lines });
const numbers = (pattern: RegExp) =>
  Array.from(svg.matchAll(pattern), ([, number]) => Number(number));

t.test('the same numbers give the same picture', (t) => {
  t.equal(plot({ title: 'T & U', axis: 'layers', unit: 'µs', lines }), svg);
  t.end();
});

t.test('decades are equally wide, and 0 stands a step left of the least', (t) => {
  const [zero = 0, one = 0, ten = 0, hundred = 0] = numbers(/<circle cx="(\d+)"/g);
  t.ok(Math.abs(ten - one - (hundred - ten)) <= 1);
  t.ok(Math.abs(one - zero - (ten - one)) <= 1);
  t.end();
});

t.test('what costs more is higher, and all lies within the picture', (t) => {
  const ys = numbers(/<circle cx="\d+" cy="(\d+)"/g);
  t.strictSame(
    ys.slice(0, 4),
    ys.slice(0, 4).toSorted((a, b) => b - a),
  );
  t.ok(ys.every((y) => y >= 40 && y <= 320 - 48));
  t.end();
});

t.test('names at the ends of lines do not lie on one another, and markup in them is text', (t) => {
  const ends = numbers(/<text x="580" y="(\d+)"/g);
  t.equal(ends.length, 2);
  t.ok(Math.abs((ends[0] ?? 0) - (ends[1] ?? 0)) >= 16);
  t.match(svg, 'a &lt; b');
  t.match(svg, 'T &amp; U');
  t.end();
});

t.test('sizes are shown by powers of 1,024, counts as they are', (t) => {
  t.equal(quantity('bytes of body', 0), '0 B');
  t.equal(quantity('bytes of body', 1536), '1.5 KiB');
  t.equal(quantity('bytes of body', 2 ** 30), '1 GiB');
  t.equal(quantity('bytes of body', 2 ** 41), '2,048 GiB');
  t.equal(quantity('layers', 100_000), '100,000');
  t.end();
});
