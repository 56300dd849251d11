import t from 'tap';
import { PassingContent } from '../../../src/messages/content/passing.ts';
import { TextContent } from '../../../src/messages/content/memory.ts';
import { assertNoLeaks } from '../../support/leaks.ts';

assertNoLeaks(t);

class Passed extends PassingContent {
  stream(): AsyncIterable<Uint8Array> {
    return this.content.stream();
  }
}

t.test('it says of itself what the content says', (t) => {
  const facts = {
    contentType: 'text/csv',
    contentLength: 3,
    contentEncoding: 'gzip',
    filename: 'a.csv',
    replayable: true,
  };
  const passed = new Passed(Object.assign(new TextContent('a,b'), facts));
  t.match(passed, facts);
  t.equal(passed.trailers, undefined);
  t.notOk('bytes' in passed, 'it is not taken as a whole');
  t.end();
});

t.test('trailers are those of the content', (t) => {
  const content = Object.assign(new TextContent('a'), {
    sum: '1',
    trailers(this: { sum: string }) {
      return [['x-sum', this.sum]] as const;
    },
  });
  t.strictSame(new Passed(content).trailers?.(), [['x-sum', '1']]);
  t.end();
});

t.test('one that is not sent after all gives up what the content holds', (t) => {
  let discards = 0;
  new Passed(Object.assign(new TextContent('a'), { discard: () => void discards++ })).discard();
  t.equal(discards, 1);
  new Passed(new TextContent('nothing to give up')).discard();
  t.end();
});
