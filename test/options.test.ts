import t from 'tap';
import { checkOptionNames } from '../src/options.ts';

const KNOWN = [
  'baseUrl',
  'headers',
  'timeout',
  'redirect',
  'cookies',
  'limits',
  'tls',
  'maxRedirects',
];

t.test('options that are known pass, and so do none', async (t) => {
  for (const options of [
    {},
    { baseUrl: '', tls: undefined, limits: null },
    Object.create({ inherited: 1 }),
  ]) {
    t.doesNotThrow(() => checkOptionNames('Client', options as object, KNOWN));
  }
});

t.test('an unknown option is a TypeError that suggests the nearest known one', async (t) => {
  const cases: [name: string, suggestion: string | null][] = [
    ['baseURL', 'baseUrl'],
    ['base_url', 'baseUrl'],
    ['header', 'headers'],
    ['Headers', 'headers'],
    ['hedaers', 'headers'],
    ['timeouts', 'timeout'],
    ['timeOut', 'timeout'],
    ['redirects', 'redirect'],
    ['cookie', 'cookies'],
    ['tsl', 'tls'],
    ['maxRedirect', 'maxRedirects'],
    ['completelyDifferent', null],
    ['', null],
    ['x', null],
    ['__proto__x', null],
  ];
  for (const [name, suggestion] of cases) {
    t.throws(() => checkOptionNames('Client', { [name]: 1 }, KNOWN), {
      name: 'TypeError',
      message: `Client: there is no option ${JSON.stringify(name)}${suggestion === null ? '' : `; did you mean ${suggestion}?`}`,
    });
  }
});

t.test('an unknown option is refused even where it says undefined', async (t) => {
  t.throws(() => checkOptionNames('ConnectionPool', { tsl: undefined }, KNOWN), {
    message: 'ConnectionPool: there is no option "tsl"; did you mean tls?',
  });
});

t.test('what is no object of options is a TypeError that says what came', async (t) => {
  for (const [options, came] of [
    [null, 'null'],
    [undefined, 'undefined'],
    ['http://h', 'string'],
    [7, 'number'],
    [() => {}, 'function'],
  ] as const) {
    t.throws(() => checkOptionNames('Client', options as never, KNOWN), {
      name: 'TypeError',
      message: `Client: expected an object of options, got ${came}`,
    });
  }
});
