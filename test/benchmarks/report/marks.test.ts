import t from 'tap';
import { markedParts, withPart } from '../../../benchmarks/report/marks.ts';

const text = `# Title

<!-- bench:goals -->
old
<!-- bench:end -->

By hand.

<!-- bench:memory -->
<!-- bench:end -->
`;

t.test('the parts of a document are found by their marks', (t) => {
  t.strictSame(markedParts(text), ['goals', 'memory']);
  t.strictSame(markedParts('none'), []);
  t.end();
});

t.test('a part is replaced, and all around it stays', (t) => {
  const filled = withPart(withPart(text, 'goals', 'new\n'), 'memory', 'more');
  t.equal(
    filled,
    `# Title

<!-- bench:goals -->

new

<!-- bench:end -->

By hand.

<!-- bench:memory -->

more

<!-- bench:end -->
`,
  );
  t.equal(withPart(filled, 'goals', 'new'), filled);
  t.end();
});

t.test('a part that is not there, or has no end, is an error', (t) => {
  t.throws(() => withPart(text, 'layers', ''), { message: /no <!-- bench:layers -->/ });
  t.throws(() => withPart('<!-- bench:goals -->', 'goals', ''), { message: /no <!-- bench:end/ });
  t.throws(() => withPart('<!-- bench:a --> <!-- bench:b --> <!-- bench:end -->', 'a', ''), {
    message: /no <!-- bench:end/,
  });
  t.end();
});
