/** What the requests are made of. */

/** What a client of an API usually sends. */
export const usualHeaders = {
  accept: 'application/json',
  'accept-language': 'en-GB,en;q=0.8',
  authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.c3RyYXRh.4pcPyMD09olPSyXnrXCjTwXyr4BsezdI',
  'user-agent': 'benchmark/1.0 (+https://example.com)',
  'x-api-version': '2026-11-01',
  'x-client-name': 'strata-benchmarks',
};

export const gibibyte = 2 ** 30;

const frame = { kind: 'note', text: '' };

export const kilobyteOfJson: string = JSON.stringify({
  ...frame,
  text: 'x'.repeat(1024 - JSON.stringify(frame).length),
});

/** About 2 KB before gzip: a page of an API's results. */
export const apiDocument = {
  total: 480,
  next: '/items?after=20',
  items: Array.from({ length: 20 }, (_, i) => ({
    id: 1000 + i,
    name: `item number ${i}`,
    tags: ['blue', 'green'],
    price: i * 1.25,
    available: i % 3 > 0,
  })),
};
