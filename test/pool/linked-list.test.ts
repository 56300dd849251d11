import t from 'tap';
import { Link, LinkedList } from '../../src/pool/linked-list.ts';
import { random } from '../support/random.ts';

t.test('a list keeps its order, and a link knows its list', async (t) => {
  const list = new LinkedList<string>();
  t.strictSame([list.first, list.last, list.length], [null, null, 0]);
  const [a, b, c] = ['a', 'b', 'c'].map((each) => new Link(each)) as [
    Link<string>,
    Link<string>,
    Link<string>,
  ];
  list.push(b);
  list.push(c);
  list.unshift(a);
  t.strictSame([...list], ['a', 'b', 'c']);
  t.strictSame([list.first, list.last, list.length], ['a', 'c', 3]);
  t.equal(b.list, list);
  b.remove();
  b.remove();
  t.equal(b.list, null);
  t.strictSame([...list], ['a', 'c']);
  a.remove();
  c.remove();
  t.strictSame([list.first, list.last, list.length], [null, null, 0]);
  list.unshift(b);
  t.strictSame([list.first, list.last], ['b', 'b']);
});

t.test('it does what an array would do', async (t) => {
  const next = random(7);
  const list = new LinkedList<number>();
  const links = Array.from({ length: 20 }, (_, n) => new Link(n));
  let array: number[] = [];
  for (let step = 0; step < 2000; step++) {
    const link = next.pick(links);
    if (link.list !== null) {
      link.remove();
      array = array.filter((each) => each !== link.owner);
    } else if (next() < 0.5) {
      list.push(link);
      array.push(link.owner);
    } else {
      list.unshift(link);
      array.unshift(link.owner);
    }
    if (list.length !== array.length || String([...list]) !== String(array)) {
      t.strictSame([...list], array, `step ${step}`);
      return;
    }
  }
});
