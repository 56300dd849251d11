import t from 'tap';
import type { Content } from '../../../src/messages/content/content.ts';
import {
  BytesContent,
  FormContent,
  type FormInit,
  HTMLContent,
  JSONContent,
  TextContent,
} from '../../../src/messages/content/memory.ts';
import { collect } from '../../support/collect.ts';

t.test(
  'contents in memory know their type, their length and their bytes, and can be read again',
  async (t) => {
    const cases: [Content, type: string | undefined, text: string][] = [
      [new BytesContent(Buffer.from('a\0é')), undefined, 'a\0é'],
      [new BytesContent(Buffer.from('x'), 'image/png'), 'image/png', 'x'],
      [new BytesContent(new Uint8Array(0)), undefined, ''],
      [new TextContent('aé€😀'), 'text/plain;charset=UTF-8', 'aé€😀'],
      [new TextContent('', 'text/css'), 'text/css', ''],
      [new TextContent('\ud800'), 'text/plain;charset=UTF-8', '\ufffd'],
      [new HTMLContent('<p>'), 'text/html;charset=UTF-8', '<p>'],
      [new JSONContent({ a: [1, 'é', null] }), 'application/json', '{"a":[1,"é",null]}'],
      [new JSONContent(null), 'application/json', 'null'],
      [new JSONContent(''), 'application/json', '""'],
      [new JSONContent({ toJSON: () => 7 }), 'application/json', '7'],
      [
        new FormContent({ a: 1, b: ['x y', '&'] }),
        'application/x-www-form-urlencoded;charset=UTF-8',
        'a=1&b=x+y&b=%26',
      ],
      [new FormContent([]), 'application/x-www-form-urlencoded;charset=UTF-8', ''],
    ];
    for (const [content, type, text] of cases) {
      const bytes = Buffer.from(text);
      t.equal(content.contentType, type);
      t.equal(content.contentLength, bytes.length);
      t.equal(content.replayable, true);
      t.same(Buffer.from(content.bytes?.() ?? []), bytes);
      for (let time = 0; time < 2; time++) t.same(await collect(content.stream()), bytes);
    }
  },
);

t.test('text that is its own encoding says so', async (t) => {
  t.equal(new TextContent('plain').ascii, 'plain');
  t.equal(new TextContent('').ascii, '');
  t.equal(new TextContent('é').ascii, undefined);
  t.equal(new JSONContent({ a: 1 }).ascii, '{"a":1}');
  t.equal(new JSONContent('€').ascii, undefined);
});

t.test('a form is what URLSearchParams makes of the same pairs', async (t) => {
  const pairs: [string, string][] = [
    ['a b', '+&=%é😀'],
    ['', ''],
    ['a b', "~!*()'-._"],
    ['\r\n', '\0'],
  ];
  const expected = new URLSearchParams(pairs).toString();
  for (const init of [
    pairs,
    new URLSearchParams(pairs),
    new Map(pairs.slice(0, 0)),
    pairs.values(),
  ]) {
    const text = Buffer.from(new FormContent(init as FormInit).bytes()).toString();
    t.equal(text, init instanceof Map ? '' : expected);
  }
});

t.test(
  'in a form, null and undefined are left out, numbers and booleans written out',
  async (t) => {
    const form = new FormContent({ a: null, b: undefined, c: [1, null, true], d: '', e: [] });
    t.equal(Buffer.from(form.bytes()).toString(), 'c=1&c=true&d=');
  },
);

t.test(
  'a form is taken when the content is made: changing the source changes nothing',
  async (t) => {
    const params = new URLSearchParams('a=1');
    const form = new FormContent(params);
    params.set('a', '2');
    t.equal(Buffer.from(form.bytes()).toString(), 'a=1');
  },
);

t.test('what a content cannot be made of is a TypeError', async (t) => {
  const circle: Record<string, unknown> = {};
  circle['circle'] = circle;
  const cases: [() => Content, RegExp][] = [
    [() => new TextContent(7 as never), /^text content: expected a string, got number$/],
    [() => new TextContent(undefined as never), /got undefined$/],
    [
      () => new JSONContent(undefined),
      /^json: expected a value that JSON can hold, got undefined$/,
    ],
    [() => new JSONContent(() => 1), /got function$/],
    [() => new JSONContent(Symbol('s')), /got symbol$/],
    [() => new JSONContent(1n), /^json: expected a value that JSON can hold: .*BigInt/],
    [() => new JSONContent(circle), /^json: expected a value that JSON can hold: .*circular.*$/i],
    [
      () => new TextContent('', 7 as never),
      /^text content: expected a string as its type, got number$/,
    ],
    [() => new BytesContent('x' as never), /^bytes content: expected a Uint8Array, got string$/],
    [
      () => new BytesContent(new Uint8Array(0), null as never),
      /^bytes content: .* type, got null$/,
    ],
    [
      () => new FormContent('a=1' as never),
      /^form: expected a record, pairs or URLSearchParams, got string$/,
    ],
    [
      () => new FormContent({ a: { b: 1 } } as never),
      /^form\.a: expected a string, number or boolean, got object$/,
    ],
  ];
  for (const [make, message] of cases) t.throws(make, { name: 'TypeError', message });
  const own = new RangeError('not to be shown');
  const thrower = {
    toJSON() {
      throw own;
    },
  };
  t.throws(() => new JSONContent(thrower), own, 'what a toJSON throws is its own');
});
