/*
 * What the public test suite for HTTP caches (github.com/http-tests/cache-tests, results at cache-tests.fyi) asks of a cache, under its own names:
 * a rule is what is asked, what the server says, and where the answer is to come from. Where the suite only asks "does it?", the rule is that it does
 * what the suite looks for. Left out are those for CDNs, for interim responses (which the transport keeps to itself), and for parts (206).
 */

/** One request, and what is to come of it. Fields stand as `Name: value | Name: value`; a number for a date is seconds from now. */
export interface Step {
  readonly method?: string;
  readonly path?: string;
  /** The request's fields. */
  readonly ask?: string;
  /** The response's fields, where the server is asked. */
  readonly say?: string;
  readonly status?: number;
  /** The server hangs up. */
  readonly broken?: true;
  readonly cache?: 'no-cache';
  /**
   * Where it comes from: the store, the server, or the store after the server was asked about it by If-None-Match or If-Modified-Since.
   * Left out: from wherever it comes.
   */
  readonly from?: 'store' | 'server' | 'etag' | 'last-modified';
  /** The status that the caller gets; 'error': none. */
  readonly gets?: number | 'error';
  /** Fields that the caller gets, and their values; `Name` alone: it is there; `Name>3`: it is more than that. */
  readonly has?: string;
  /** Names of fields that he does not get. */
  readonly lacks?: string;
  /** Fields that the server gets. */
  readonly sends?: string;
  /** Seconds that pass afterwards: 3 where it is left out. */
  readonly pause?: number;
}

export interface Rule {
  readonly name: string;
  readonly shared?: boolean;
  readonly steps: readonly Step[];
}

/** One response, and whether it is used for the same request three seconds later. */
function reuse(from: 'store' | 'server', rows: Readonly<Record<string, string>>): Rule[] {
  return Object.entries(rows).map(([name, say]) => ({ name, steps: [{ say }, { from }] }));
}

const shared = (rules: readonly Rule[]): Rule[] => rules.map((rule) => ({ ...rule, shared: true }));

const FRESHNESS: readonly Rule[] = [
  ...reuse('server', {
    'freshness-none': '',
    'freshness-max-age-stale': 'Cache-Control: max-age=2',
    'freshness-max-age-0': 'Cache-Control: max-age=0',
    'freshness-max-age-age': 'Cache-Control: max-age=3600 | Age: 12000',
    'freshness-max-age-date': 'Cache-Control: max-age=3600 | Date: -7200',
    'freshness-max-age-0-expires': 'Cache-Control: max-age=0 | Expires: 7200 | Date: 0',
    'freshness-max-age-negative': 'Cache-Control: max-age=-3600',
    'freshness-max-age-s-maxage-private': 'Cache-Control: max-age=1, s-maxage=3600',
    'freshness-max-age-s-maxage-private-multiple':
      'Cache-Control: max-age=1 | Cache-Control: s-maxage=3600',
    'freshness-expires-past': 'Expires: -2592000 | Date: 0',
    'freshness-expires-present': 'Expires: 0 | Date: 0',
    'freshness-expires-old-date': 'Expires: 300 | Date: 400',
    'freshness-expires-invalid': 'Expires: "0" | Date: 0',
    'freshness-expires-age-slow-date': 'Date: -10 | Expires: 10 | Age: 25',
    'freshness-expires-age-fast-date': 'Date: 10 | Expires: 20 | Age: 15',
  }),
  ...reuse('store', {
    'freshness-max-age': 'Cache-Control: max-age=3600',
    'freshness-max-age-max-minus-1': 'Cache-Control: max-age=2147483647',
    'freshness-max-age-max': 'Cache-Control: max-age=2147483648',
    'freshness-max-age-max-plus-1': 'Cache-Control: max-age=2147483649',
    'freshness-max-age-max-plus': 'Cache-Control: max-age=99999999999',
    'freshness-max-age-expires': 'Cache-Control: max-age=3600 | Expires: -7200 | Date: 0',
    'freshness-max-age-expires-invalid': 'Cache-Control: max-age=3600 | Expires: "0" | Date: 0',
    'freshness-max-age-extension': 'Cache-Control: foobar, max-age=3600',
    'freshness-max-age-case-insenstive': 'Cache-Control: MaX-aGe=3600',
    'freshness-expires-future': 'Expires: 2592000 | Date: 0',
    'freshness-expires-invalid-date': 'Date: foo | Expires: 10',
  }),
  ...shared(
    reuse('store', {
      'freshness-s-maxage-shared': 'Cache-Control: s-maxage=3600',
      'freshness-max-age-s-maxage-shared-shorter': 'Cache-Control: max-age=1, s-maxage=3600',
      'freshness-max-age-s-maxage-shared-shorter-expires':
        'Cache-Control: max-age=0, s-maxage=3600 | Expires: -10 | Date: 0',
    }),
  ),
  ...shared(
    reuse('server', {
      'freshness-max-age-s-maxage-shared-longer': 'Cache-Control: max-age=3600, s-maxage=1',
      'freshness-max-age-s-maxage-shared-longer-reversed':
        'Cache-Control: s-maxage=1, max-age=3600',
      'freshness-max-age-s-maxage-shared-longer-multiple':
        'Cache-Control: max-age=3600 | Cache-Control: s-maxage=1',
    }),
  ),
];

const PARSING: readonly Rule[] = [
  ...reuse('store', {
    'freshness-max-age-two-fresh-stale-sameline': 'Cache-Control: max-age=1800, max-age=1',
    'freshness-max-age-two-fresh-stale-sepline':
      'Cache-Control: max-age=1800 | Cache-Control: max-age=1',
    'freshness-max-age-two-stale-fresh-sameline': 'Cache-Control: max-age=1, max-age=1800',
    'freshness-max-age-two-stale-fresh-sepline':
      'Cache-Control: max-age=1 | Cache-Control: max-age=1800',
    'freshness-max-age-quoted': 'Cache-Control: max-age="3600"',
    'freshness-max-age-leading-zero': 'Cache-Control: max-age=003600',
    'freshness-max-age-decimal-zero': 'Cache-Control: max-age=3600.0',
    'freshness-max-age-decimal-five': 'Cache-Control: max-age=3600.5',
    'freshness-max-age-a100': 'Cache-Control: max-age=a3600',
    'freshness-max-age-100a': 'Cache-Control: max-age=3600a',
    'age-parse-nonnumeric': 'Date: 0 | Cache-Control: max-age=3600 | Age: abc',
    'age-parse-negative': 'Date: 0 | Cache-Control: max-age=3600 | Age: -7200',
    'age-parse-float': 'Date: 0 | Cache-Control: max-age=3600 | Age: 7200.0',
    'age-parse-prefix': 'Date: 0 | Cache-Control: max-age=3600 | Age: 0, 7200',
    'age-parse-prefix-twoline': 'Date: 0 | Cache-Control: max-age=3600 | Age: 0 | Age: 7200',
    'age-parse-dup-0': 'Date: 0 | Cache-Control: max-age=3600 | Age: 0, 0',
    'age-parse-dup-0-twoline': 'Date: 0 | Cache-Control: max-age=3600 | Age: 0 | Age: 0',
    'age-parse-dup-old': 'Date: 0 | Cache-Control: max-age=10000 | Age: 3600 | Age: 3600',
    'freshness-expires-32bit': 'Expires: Tue, 19 Jan 2038 14:14:08 GMT | Date: 0',
    'freshness-expires-far-future': 'Expires: Sun, 21 Nov 2286 04:46:39 GMT | Date: 0',
    'freshness-expires-rfc850': 'Expires: Thursday, 18-Aug-50 02:01:18 GMT | Date: 0',
    'freshness-expires-ansi-c': 'Expires: Thu Aug  8 02:01:18 2050 | Date: 0',
    'freshness-expires-wrong-case-weekday': 'Expires: THU, 18 Aug 2050 02:01:18 GMT | Date: 0',
    'freshness-expires-wrong-case-month': 'Expires: Thu, 18 AUG 2050 02:01:18 GMT | Date: 0',
    'freshness-expires-wrong-case-tz': 'Expires: Thu, 18 Aug 2050 02:01:18 gMT | Date: 0',
  }),
  ...reuse('server', {
    'freshness-max-age-ignore-quoted': 'Cache-Control: extension="max-age=3600", max-age=1',
    'freshness-max-age-ignore-quoted-rev': 'Cache-Control: max-age=1, extension="max-age=3600"',
    'freshness-max-age-space-before-equals': 'Cache-Control: max-age =3600',
    'freshness-max-age-space-after-equals': 'Cache-Control: max-age= 3600',
    'freshness-max-age-single-quoted': "Cache-Control: max-age='3600'",
    'age-parse-large-minus-one': 'Date: 0 | Cache-Control: max-age=3600 | Age: 2147483647',
    'age-parse-large': 'Date: 0 | Cache-Control: max-age=3600 | Age: 2147483648',
    'age-parse-larger': 'Date: 0 | Cache-Control: max-age=3600 | Age: 2147483649',
    'age-parse-suffix': 'Date: 0 | Cache-Control: max-age=3600 | Age: 7200, 0',
    'age-parse-suffix-twoline': 'Date: 0 | Cache-Control: max-age=3600 | Age: 7200 | Age: 0',
    'age-parse-parameter': 'Date: 0 | Cache-Control: max-age=3600 | Age: 7200;foo=bar',
    'age-parse-numeric-parameter': 'Date: 0 | Cache-Control: max-age=3600 | Age: 7200;foo=111',
    'freshness-expires-invalid-utc': 'Expires: Thu, 18 Aug 2050 02:01:18 UTC | Date: 0',
    'freshness-expires-invalid-aest': 'Expires: Thu, 18 Aug 2050 02:01:18 AEST | Date: 0',
    'freshness-expires-invalid-2-digit-year': 'Expires: Thu, 18 Aug 50 02:01:18 GMT | Date: 0',
    'freshness-expires-invalid-no-comma': 'Expires: Thu 18 Aug 2050 02:01:18 GMT | Date: 0',
    'freshness-expires-invalid-multiple-spaces':
      'Expires: Thu, 18  Aug  2050 02:01:18 GMT | Date: 0',
    'freshness-expires-invalid-date-dashes': 'Expires: Thu, 18-Aug-2050 02:01:18 GMT | Date: 0',
    'freshness-expires-invalid-time-periods': 'Expires: Thu, 18 Aug 2050 02.01.18 GMT | Date: 0',
    'freshness-expires-invalid-1-digit-hour': 'Expires: Thu, 18 Aug 2050 2:01:18 GMT | Date: 0',
    'freshness-expires-invalid-multiple-lines':
      'Expires: Thu, 18 Aug 2050 2:01:18 GMT | Expires: Thu, 18 Aug 2050 2:01:19 GMT | Date: 0',
  }),
];

const LONG = 'Cache-Control: max-age=100000 | Date: 0';
const TAGGED = `${LONG} | ETag: "abcdef"`;

const DIRECTIVES: readonly Rule[] = [
  ...reuse('store', {
    'cc-resp-private-private': 'Cache-Control: private, max-age=3600',
    'cc-resp-must-revalidate-fresh': 'Cache-Control: max-age=10000, must-revalidate | ETag: "abcd"',
    'pragma-response-no-cache': 'Cache-Control: max-age=3600 | Pragma: no-cache',
    'pragma-response-no-cache-heuristic': 'Date: 0 | Last-Modified: -10000 | Pragma: no-cache',
    'pragma-response-extension': 'Cache-Control: max-age=3600 | Pragma: unrecognised-extension',
    'other-set-cookie': `${LONG} | Set-Cookie: a=b`,
    'other-heuristic-content-disposition-attachment':
      'Last-Modified: -100000 | Date: 0 | Content-Disposition: attachment; filename=example.txt',
    'other-fresh-content-disposition-attachment': `${LONG} | Content-Disposition: attachment; filename=example.txt`,
  }),
  ...reuse('server', {
    'cc-resp-no-store': 'Cache-Control: no-store',
    'cc-resp-no-store-case-insensitive': 'Cache-Control: No-StOrE',
    'cc-resp-no-store-fresh': 'Cache-Control: max-age=10000, no-store | Expires: 10000 | Date: 0',
    'cc-resp-no-cache': 'Cache-Control: max-age=10000, no-cache | Expires: 10000 | Date: 0',
    'cc-resp-no-cache-case-insensitive':
      'Cache-Control: max-age=10000, No-CaChE | Expires: 10000 | Date: 0',
  }),
  ...shared(reuse('server', { 'cc-resp-private-shared': 'Cache-Control: private, max-age=3600' })),
  {
    name: 'cc-resp-no-store-old-new',
    steps: [
      { say: `${LONG} | A: 1` },
      { say: 'Cache-Control: no-store | A: 2' },
      { from: 'store', has: 'A: 1' },
    ],
  },
  {
    name: 'cc-resp-no-cache-revalidate',
    steps: [{ say: 'Cache-Control: no-cache | ETag: "abcd"' }, { from: 'etag' }],
  },
  {
    name: 'cc-resp-no-cache-revalidate-fresh',
    steps: [{ say: 'Cache-Control: max-age=10000, no-cache | ETag: "abcd"' }, { from: 'etag' }],
  },
  {
    name: 'headers-omit-headers-listed-in-Cache-Control-no-cache-single',
    steps: [
      { say: 'Cache-Control: no-cache="a" | a: 1 | b: 2 | Cache-Control: max-age=3600 | Date: 0' },
      { from: 'store', has: 'b: 2', lacks: 'a' },
    ],
  },
  {
    name: 'headers-omit-headers-listed-in-Cache-Control-no-cache',
    steps: [
      { say: 'Cache-Control: no-cache="a, b" | a: 1 | b: 2 | c: 3 | Cache-Control: max-age=3600' },
      { from: 'store', has: 'c: 3', lacks: 'a | b' },
    ],
  },
  {
    name: 'cc-resp-must-revalidate-stale',
    steps: [
      { say: 'Cache-Control: max-age=2, must-revalidate | ETag: "abcd"', pause: 0 },
      { say: 'Cache-Control: max-age=2, must-revalidate | ETag: "abcd"', from: 'store' },
      { from: 'etag' },
    ],
  },
  {
    name: 'cc-resp-immutable-fresh',
    steps: [
      { say: 'Cache-Control: max-age=10000, immutable | ETag: "abcd"' },
      { from: 'store', cache: 'no-cache' },
    ],
  },
  {
    name: 'cc-resp-immutable-stale',
    steps: [
      { say: 'Cache-Control: max-age=2, immutable | ETag: "abcd"' },
      { from: 'etag', cache: 'no-cache', sends: 'Cache-Control: max-age=0' },
    ],
  },
];

const STALE: readonly Rule[] = [
  {
    name: 'stale-close',
    steps: [{ say: 'Cache-Control: max-age=2' }, { broken: true, from: 'store', gets: 200 }],
  },
  {
    name: 'stale-503',
    steps: [{ say: 'Cache-Control: max-age=2' }, { status: 503, from: 'store', gets: 200 }],
  },
  {
    name: 'stale-while-revalidate',
    steps: [
      { say: 'Cache-Control: max-age=1, stale-while-revalidate=3600 | ETag: "abc"' },
      { from: 'store' },
    ],
  },
  {
    name: 'stale-while-revalidate-window',
    steps: [
      { say: 'Cache-Control: max-age=1, stale-while-revalidate=4 | ETag: "abc"', pause: 6 },
      { from: 'etag' },
    ],
  },
  {
    name: 'stale-sie-close',
    steps: [
      { say: 'Cache-Control: max-age=2, stale-if-error=60' },
      { broken: true, from: 'store', gets: 200 },
    ],
  },
  {
    name: 'stale-sie-503',
    steps: [
      { say: 'Cache-Control: max-age=2, stale-if-error=60' },
      { status: 503, from: 'store', gets: 200 },
    ],
  },
  ...['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'].map((directive) => ({
    name: `stale-close-${directive}`,
    shared: true,
    steps: [
      { say: `Cache-Control: max-age=2, ${directive}` },
      { broken: true, gets: 'error' },
    ] as const,
  })),
  {
    name: 'stale-warning-become',
    steps: [{ say: 'Cache-Control: max-age=2' }, { broken: true, from: 'store', has: 'Warning' }],
  },
];

const STATUSES: readonly Rule[] = [
  ...[200, 203, 204, 404, 405, 410, 414, 501].map((status) => ({
    name: `heuristic-${status}-cached`,
    steps: [{ status, say: 'Last-Modified: -86400 | Date: 0' }, { from: 'store' }] as const,
  })),
  ...[201, 202, 403, 502, 503, 504, 599].map((status) => ({
    name: `heuristic-${status}-not_cached`,
    steps: [{ status, say: 'Last-Modified: -86400 | Date: 0' }, { from: 'server' }] as const,
  })),
  {
    name: 'heuristic-599-cached',
    steps: [
      { status: 599, say: 'Last-Modified: -86400 | Date: 0 | Cache-Control: public' },
      { from: 'store' },
    ],
  },
  ...[5, 10, 30, 60, 300, 600, 1200, 1800, 3600, 43_200, 86_400].map((delta) => ({
    name: `heuristic-delta-${delta}`,
    steps: [{ say: `Last-Modified: -${delta} | Date: 0` }, { from: 'store' }] as const,
  })),
  ...[
    200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599,
  ].flatMap((status) => [
    {
      name: `status-${status}-fresh`,
      steps: [
        { status, say: 'Cache-Control: max-age=3600' },
        { from: 'store', gets: status },
      ] as const,
    },
    {
      name: `status-${status}-stale`,
      steps: [{ status, say: 'Cache-Control: max-age=2' }, { from: 'server' }] as const,
    },
  ]),
  {
    name: 'status-599-must-understand',
    steps: [
      { status: 599, say: 'Cache-Control: max-age=3600, no-store, must-understand' },
      { from: 'server' },
    ],
  },
  {
    name: 'status-200-must-understand',
    steps: [{ say: 'Cache-Control: max-age=3600, no-store, must-understand' }, { from: 'store' }],
  },
];

/** What a request can ask for, where this is held. */
const WANTED: readonly (readonly [
  name: string,
  held: string,
  ask: string,
  from: NonNullable<Step['from']>,
])[] = [
  ['ccreq-ma0', LONG, 'Cache-Control: max-age=0', 'server'],
  ['ccreq-ma1', LONG, 'Cache-Control: max-age=1', 'server'],
  ['ccreq-magreaterage', `${LONG} | Age: 1800`, 'Cache-Control: max-age=600', 'server'],
  ['ccreq-max-stale', 'Cache-Control: max-age=2', 'Cache-Control: max-stale=1000', 'store'],
  [
    'ccreq-max-stale-age',
    'Cache-Control: max-age=1500 | Age: 2000',
    'Cache-Control: max-stale=1000',
    'store',
  ],
  ['ccreq-min-fresh', 'Cache-Control: max-age=1500', 'Cache-Control: min-fresh=2000', 'server'],
  [
    'ccreq-min-fresh-age',
    'Cache-Control: max-age=1500 | Age: 1000',
    'Cache-Control: min-fresh=1000',
    'server',
  ],
  ['ccreq-no-cache', LONG, 'Cache-Control: no-cache', 'server'],
  [
    'ccreq-no-cache-lm',
    `${LONG} | Last-Modified: -10000`,
    'Cache-Control: no-cache',
    'last-modified',
  ],
  ['ccreq-no-cache-etag', TAGGED, 'Cache-Control: no-cache', 'etag'],
  ['ccreq-no-store', LONG, 'Cache-Control: no-store', 'server'],
  // The suite's requests all have a Cache-Control that says nothing.
  ['pragma-request-no-cache', LONG, 'Cache-Control: nothing | Pragma: no-cache', 'store'],
  ['pragma-request-extension', LONG, 'Pragma: unrecognised-extension', 'store'],
  ['other-cookie', LONG, 'Cookie: a=b', 'store'],
];

const REQUESTS: readonly Rule[] = [
  ...WANTED.map(([name, say, ask, from]) => ({ name, steps: [{ say }, { ask, from }] })),
  { name: 'ccreq-oic', steps: [{ ask: 'Cache-Control: only-if-cached', gets: 504 }] },
  {
    name: 'query-args-different',
    steps: [
      { say: LONG, path: '?test=a' },
      { path: '?test=b', from: 'server' },
    ],
  },
  {
    name: 'query-args-same',
    steps: [
      { say: LONG, path: '?test=a' },
      { path: '?test=a', from: 'store' },
    ],
  },
];

const VARYING = 'Cache-Control: max-age=5000 | Last-Modified: -3000 | Date: 0 | Vary:';

/** `[name, Vary, the first request, the second, where that is answered from]` */
const VARIANTS: readonly (readonly [string, string, string, string, 'store' | 'server'])[] = [
  ['vary-match', 'Foo', 'Foo: 1', 'Foo: 1', 'store'],
  ['vary-no-match', 'Foo', 'Foo: 1', 'Foo: 2', 'server'],
  ['vary-omit-stored', 'Foo', '', 'Foo: 1', 'server'],
  ['vary-omit', 'Foo', 'Foo: 1', '', 'server'],
  ['vary-cache-key', 'Foo', 'Foo: 1 | Other: 2', 'Foo: 1 | Other: 3', 'store'],
  ['vary-2-match', 'Foo, Bar', 'Foo: 1 | Bar: abc', 'Foo: 1 | Bar: abc', 'store'],
  ['vary-2-no-match', 'Foo, Bar', 'Foo: 1 | Bar: abc', 'Foo: 2 | Bar: abc', 'server'],
  ['vary-2-match-omit', 'Foo, Bar', 'Foo: 1 | Bar: abc', '', 'server'],
  [
    'vary-3-match',
    'Foo, Bar, Baz',
    'Foo: 1 | Bar: a | Baz: 7',
    'Foo: 1 | Bar: a | Baz: 7',
    'store',
  ],
  [
    'vary-3-no-match',
    'Foo, Bar, Baz',
    'Foo: 1 | Bar: a | Baz: 7',
    'Foo: 2 | Bar: a | Baz: 7',
    'server',
  ],
  [
    'vary-3-order',
    'Foo, Bar, Baz',
    'Foo: 1 | Bar: a | Baz: 7',
    'Foo: 1 | Baz: 7 | Bar: b',
    'server',
  ],
  ['vary-3-omit', 'Foo, Bar, Baz', 'Foo: 1 | Baz: 7', 'Foo: 1 | Baz: 7', 'store'],
  ['vary-star', '*', 'Foo: 1 | Baz: 7', 'Foo: 1 | Baz: 7', 'server'],
  ['vary-normalise-combine', 'Foo', 'Foo: 1, 2', 'Foo: 1 | Foo: 2', 'store'],
  [
    'vary-normalise-lang-order',
    'Accept-Language',
    'Accept-Language: en, de',
    'Accept-Language: de, en',
    'store',
  ],
  [
    'vary-normalise-lang-case',
    'Accept-Language',
    'Accept-Language: en, de',
    'Accept-Language: eN, De',
    'store',
  ],
  [
    'vary-normalise-lang-space',
    'Accept-Language',
    'Accept-Language: en, de',
    'Accept-Language: en ,   de',
    'store',
  ],
  ['vary-normalise-space', 'Foo', 'Foo: 1,2', 'Foo: 1, 2', 'store'],
  ['vary-syntax-star-star', '*, *', 'Foo: 1', 'Foo: 1', 'server'],
  ['vary-syntax-star-star-lines', '* | Vary: *', 'Foo: 1', 'Foo: 1', 'server'],
  ['vary-syntax-empty-star', ', *', 'Foo: 1', 'Foo: 1', 'server'],
  ['vary-syntax-empty-star-lines', ' | Vary: *', 'Foo: 1', 'Foo: 1', 'server'],
  ['vary-syntax-star-foo', '*, Foo', 'Foo: 1', 'Foo: 1', 'server'],
  ['vary-syntax-foo-star', 'Foo, *', 'Foo: 1', 'Foo: 1', 'server'],
];

const VARY: readonly Rule[] = [
  ...VARIANTS.map(([name, vary, first, second, from]) => ({
    name,
    steps: [
      { ask: first, say: `${VARYING} ${vary}` },
      { ask: second, from },
    ],
  })),
  {
    name: 'vary-invalidate',
    steps: [
      { ask: 'Foo: 1', say: `${VARYING} Foo | X: one` },
      { ask: 'Foo: 2', say: `${VARYING} Foo | X: two`, from: 'server' },
      { ask: 'Foo: 1', from: 'store', has: 'X: one' },
    ],
  },
  {
    name: 'vary-normalise-lang-select',
    steps: [
      { ask: 'Accept-Language: en, de', say: `${VARYING} Accept-Language | Content-Language: de` },
      { ask: 'Accept-Language: fr;q=0.5, de;q=1.0', from: 'store' },
    ],
  },
];

/** `[name, the stored ETag, If-None-Match]`: all are to be answered with a 304 out of the store. */
const TAGS: readonly (readonly [string, string, string])[] = [
  ['conditional-etag-strong-respond', '"abcdef"', '"abcdef"'],
  ['conditional-etag-strong-respond-obs-text', '"abcdefü"', '"abcdefü"'],
  ['conditional-etag-quoted-respond-unquoted', '"abcdef"', 'abcdef'],
  ['conditional-etag-unquoted-respond-unquoted', 'abcdef', 'abcdef'],
  ['conditional-etag-unquoted-respond-quoted', 'abcdef', '"abcdef"'],
  ['conditional-etag-weak-respond', 'W/"abcdef"', 'W/"abcdef"'],
  ['conditional-etag-weak-respond-lowercase', 'w/"abcdef"', 'w/"abcdef"'],
  ['conditional-etag-weak-respond-backslash', 'W\\"abcdef"', 'W\\"abcdef"'],
  ['conditional-etag-weak-respond-omit-slash', 'W"abcdef"', 'W"abcdef"'],
  ['conditional-etag-strong-respond-multiple-first', '"abcdef"', '"abcdef", "1234", "5678"'],
  ['conditional-etag-strong-respond-multiple-second', '"abcdef"', '"1234", "abcdef", "5678"'],
  ['conditional-etag-strong-respond-multiple-last', '"abcdef"', '"1234", "5678", "abcdef"'],
];

const CONDITIONS: readonly Rule[] = [
  ...TAGS.map(([name, etag, tags]) => ({
    name,
    steps: [
      { say: `${LONG} | ETag: ${etag}` },
      { ask: `If-None-Match: ${tags}`, from: 'store', gets: 304, has: `ETag: ${etag}` },
    ] as const,
  })),
  {
    name: 'conditional-etag-precedence',
    steps: [
      { say: `${TAGGED} | Last-Modified: -5000` },
      { ask: 'If-None-Match: "abcdef" | If-Modified-Since: -10000', from: 'store', gets: 304 },
    ],
  },
  {
    name: 'conditional-etag-vary-headers',
    steps: [
      { ask: 'Abc: 123', say: 'Expires: 1 | ETag: "abcdef" | Date: 0 | Vary: Abc' },
      { ask: 'Abc: 123', from: 'etag', sends: 'Abc: 123' },
    ],
  },
  {
    name: 'conditional-etag-vary-headers-mismatch',
    steps: [
      { ask: 'Abc: 123', say: 'Expires: 10000 | ETag: "abcdef" | Date: 0 | Vary: Abc' },
      { ask: 'Abc: 456', sends: 'If-None-Match: "abcdef"' },
    ],
  },
  {
    name: 'conditional-etag-strong-generate',
    steps: [
      { say: 'Cache-Control: max-age=2 | ETag: "abcdef"' },
      { from: 'etag', sends: 'If-None-Match: "abcdef"' },
    ],
  },
  {
    name: 'conditional-etag-weak-generate-weak',
    steps: [
      { say: 'Cache-Control: max-age=2 | ETag: W/"abcdef"' },
      { from: 'etag', sends: 'If-None-Match: W/"abcdef"' },
    ],
  },
  {
    name: 'conditional-etag-strong-generate-unquoted',
    steps: [
      { say: 'Cache-Control: max-age=2 | ETag: abcdef' },
      { from: 'etag', sends: 'If-None-Match: "abcdef"' },
    ],
  },
  {
    name: 'conditional-etag-forward',
    steps: [{ ask: 'If-None-Match: "abcdef"', sends: 'If-None-Match: "abcdef"' }],
  },
  {
    name: 'conditional-etag-forward-unquoted',
    steps: [{ ask: 'If-None-Match: abcdef', sends: 'If-None-Match: "abcdef"' }],
  },
  {
    name: 'conditional-lm-fresh',
    steps: [
      { say: `${LONG} | Last-Modified: -3000`, pause: 0 },
      { ask: 'If-Modified-Since: -3000', from: 'store', gets: 304 },
    ],
  },
  {
    name: 'conditional-lm-fresh-earlier',
    steps: [
      { say: `${LONG} | Last-Modified: -3000` },
      { ask: 'If-Modified-Since: -2000', from: 'store', gets: 304 },
    ],
  },
  {
    name: 'conditional-lm-stale',
    steps: [
      { say: 'Cache-Control: max-age=2 | Last-Modified: Sat, 01 Dec 2029 00:00:00 GMT' },
      {
        ask: 'If-Modified-Since: Sat, 01 Dec 2029 00:00:00 GMT',
        from: 'last-modified',
        gets: 304,
      },
    ],
  },
  {
    name: 'conditional-lm-fresh-no-lm',
    steps: [{ say: LONG }, { ask: 'If-Modified-Since: -3000', from: 'store', gets: 304 }],
  },
];

/** Fields that are stored with a response, and those that are not. */
const STORED = ['Test-Header', 'X-Test-Header', 'Content-Foo', 'X-Content-Foo', 'Content-Encoding'];
const STORED_TOO = ['Content-Location', 'Content-MD5', 'Content-Range', 'Content-Type', 'ETag'];
const SECURITY = ['Content-Security-Policy', 'Clear-Site-Data', 'Public-Key-Pins'];
const SECURITY_TOO = ['Set-Cookie', 'Set-Cookie2', 'X-Frame-Options', 'X-XSS-Protection'];
const NOT_STORED = ['Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Authentication-Info'];
const NOT_STORED_EITHER = [
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Transfer-Encoding',
  'Upgrade',
];

const FIELDS: readonly Rule[] = [
  ...[...STORED, ...STORED_TOO, ...SECURITY, ...SECURITY_TOO].map((field) => ({
    name: `headers-store-${field}`,
    steps: [
      { say: `Cache-Control: max-age=3600 | ${field}: one` },
      { from: 'store', has: `${field}: one` },
    ] as const,
  })),
  ...[...NOT_STORED, ...NOT_STORED_EITHER].map((field) => ({
    name: `headers-store-${field}`,
    steps: [
      { say: `Cache-Control: max-age=3600 | ${field}: one` },
      { from: 'store', lacks: field },
    ] as const,
  })),
  {
    name: 'headers-omit-headers-listed-in-Connection',
    steps: [
      { say: `${LONG} | Connection: a, b | a: 1 | b: 2 | c: 3` },
      { from: 'store', has: 'c: 3', lacks: 'a | b' },
    ],
  },
  ...[...STORED.slice(0, 4), 'Content-Location', 'Content-MD5', 'Content-Type', ...SECURITY].map(
    (field) => ({
      name: `304-etag-update-response-${field}`,
      steps: [
        { say: `Cache-Control: max-age=2 | ETag: "abc" | ${field}: one` },
        {
          from: 'etag',
          say: `Cache-Control: max-age=9 | ETag: "abc" | ${field}: two`,
          has: `${field}: two`,
        },
        { from: 'store', has: `${field}: two` },
      ] as const,
    }),
  ),
  ...['Set-Cookie', 'Content-Encoding', 'Content-Range'].map((field) => ({
    name: `304-etag-update-response-${field}`,
    steps: [
      { say: `Cache-Control: max-age=2 | ETag: "abc" | ${field}: one` },
      {
        from: 'etag',
        say: `Cache-Control: max-age=9 | ETag: "abc" | ${field}: two`,
        has: `${field}: two`,
      },
      { from: 'store', has: `${field}: two` },
    ] as const,
  })),
  {
    name: '304-etag-update-response-Content-Length',
    steps: [
      { say: 'Cache-Control: max-age=2 | ETag: "abc" | Content-Length: 4' },
      {
        from: 'etag',
        say: 'Cache-Control: max-age=9 | ETag: "abc" | Content-Length: 9',
        has: 'Content-Length: 4',
      },
      { from: 'store', has: 'Content-Length: 4' },
    ],
  },
  {
    name: '304-etag-update-response-Cache-Control',
    steps: [
      { say: 'Cache-Control: max-age=2 | ETag: "abc"' },
      { from: 'etag', say: 'Cache-Control: max-age=3600 | ETag: "abc"' },
      { from: 'store', has: 'Cache-Control: max-age=3600' },
    ],
  },
  {
    name: '304-lm-use-stored-Test-Header',
    steps: [
      { say: 'Cache-Control: max-age=2 | Last-Modified: -3000 | Test-Header: one' },
      { from: 'last-modified', has: 'Test-Header: one' },
    ],
  },
  ...[
    ['other-age-gen', LONG, 'Age>2'],
    ['other-age-update-expires', 'Expires: 2592000 | Date: 0 | Age: 30', 'Age>32'],
    ['other-age-update-max-age', `${LONG} | Age: 30`, 'Age>32'],
    [
      'other-date-update',
      'Cache-Control: max-age=9 | Date: Sun, 06 Nov 2050 08:49:37 GMT',
      'Date: Sun, 06 Nov 2050 08:49:37 GMT',
    ],
    [
      'other-date-update-expires-update',
      'Expires: Sun, 06 Nov 2050 08:49:37 GMT',
      'Expires: Sun, 06 Nov 2050 08:49:37 GMT',
    ],
  ].map(([name = '', say = '', has = '']) => ({
    name,
    steps: [{ say }, { from: 'store' as const, has }],
  })),
];

const HELD = 'Cache-Control: max-age=2 | Date: 0 | Template-A: 1';

const HEADS: readonly Rule[] = [
  {
    name: 'head-writethrough',
    steps: [{ say: HELD }, { method: 'HEAD', from: 'server' }],
  },
  {
    name: 'head-200-retain',
    steps: [{ say: HELD }, { method: 'HEAD', from: 'server', has: 'Template-A: 1' }],
  },
  {
    name: 'head-200-freshness-update',
    steps: [
      { say: HELD },
      { method: 'HEAD', say: 'Cache-Control: max-age=1000', from: 'server' },
      { from: 'store' },
    ],
  },
  {
    name: 'head-200-update',
    steps: [
      { say: HELD },
      { method: 'HEAD', say: 'Cache-Control: max-age=1000 | Template-A: 2', from: 'server' },
      { from: 'store', has: 'Template-A: 2' },
    ],
  },
  {
    name: 'head-410-update',
    steps: [
      { say: HELD },
      { method: 'HEAD', status: 410, say: 'Cache-Control: max-age=1000 | Template-A: 2' },
      { from: 'store', has: 'Template-A: 2' },
    ],
  },
];

const INVALIDATION: readonly Rule[] = [
  ...['POST', 'PUT', 'DELETE', 'M-SEARCH'].flatMap((method): Rule[] => [
    {
      name: `invalidate-${method}`,
      steps: [{ say: LONG }, { method, from: 'server' }, { from: 'server' }],
    },
    {
      name: `invalidate-${method}-failed`,
      steps: [{ say: LONG }, { method, status: 500 }, { from: 'store' }],
    },
    {
      name: `invalidate-${method}-location`,
      steps: [
        { say: LONG, path: '/other' },
        { method, say: 'Location: /other' },
        { path: '/other', from: 'server' },
      ],
    },
    {
      name: `invalidate-${method}-cl`,
      steps: [
        { say: LONG, path: '/other' },
        { method, say: 'Content-Location: /other' },
        { path: '/other', from: 'server' },
      ],
    },
  ]),
  {
    name: 'method-POST',
    steps: [
      { method: 'POST', say: 'Cache-Control: max-age=3600 | Content-Location: / | Date: 0' },
      { from: 'store' },
    ],
  },
];

const AUTH: readonly Rule[] = shared(
  [
    ['other-authorization', LONG, 'server'],
    ['other-authorization-public', 'Cache-Control: max-age=3600, public', 'store'],
    [
      'other-authorization-must-revalidate',
      'Cache-Control: max-age=3600, must-revalidate',
      'store',
    ],
    ['other-authorization-smaxage', 'Cache-Control: s-maxage=3600', 'store'],
  ].map(([name = '', say = '', from]) => ({
    name,
    steps: [{ ask: 'Authorization: FOO', say }, { from: from as 'store' | 'server' }],
  })),
);

export const RULES: readonly Rule[] = [
  ...FRESHNESS,
  ...PARSING,
  ...DIRECTIVES,
  ...STALE,
  ...STATUSES,
  ...REQUESTS,
  ...VARY,
  ...CONDITIONS,
  ...FIELDS,
  ...HEADS,
  ...INVALIDATION,
  ...AUTH,
];
