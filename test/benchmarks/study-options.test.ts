import t from 'tap';
import { parseStudyOptions } from '../../benchmarks/study-options.ts';

t.test('without words everything is measured, in the usual way', (t) => {
  t.strictSame(parseStudyOptions([], ['a']), {
    names: [],
    rounds: null,
    seconds: null,
    quick: false,
    save: false,
    list: false,
  });
  t.end();
});

t.test('parts are chosen by name, and how by options', (t) => {
  const words = ['a', '--quick', '--save', '--rounds', '2', '--seconds', '0.5'];
  t.match(parseStudyOptions(words, ['a', 'b']), {
    names: ['a'],
    quick: true,
    save: true,
    rounds: 2,
    seconds: 0.5,
  });
  t.end();
});

t.test('what is not known is named, with what there is', (t) => {
  t.throws(() => parseStudyOptions(['c'], ['a', 'b']), { message: /no c; there are: a b/ });
  t.throws(() => parseStudyOptions(['c'], []), { message: /c: there are no parts/ });
  t.throws(() => parseStudyOptions(['--rounds', '0'], []), {
    message: /--rounds takes a positive/,
  });
  t.throws(() => parseStudyOptions(['--seconds', 'x'], []), { message: /--seconds .* not x/ });
  t.throws(() => parseStudyOptions(['--fast'], []), { message: /--fast/ });
  t.end();
});
