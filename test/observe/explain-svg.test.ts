import t from 'tap';
import { Response } from '../../src/messages/response.ts';
import { TIMED_PHASES } from '../../src/messages/timings.ts';
import { CallTraceMiddleware } from '../../src/middleware/trace.ts';
import { explainSVG } from '../../src/observe/explain-svg.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { StubTransport } from '../support/stub-transport.ts';
import { exchange, SHOPPING } from './traced-call.ts';

assertNoLeaks(t);

const AGAIN = ['queued', 'sent', 'firstByte', 'body'];
const FIRST = ['queued', 'dns', 'connect', 'tls', 'sent', 'firstByte', 'body'];

interface Bar {
  readonly phase: string;
  readonly x: number;
  readonly width: number;
  readonly title: string;
}

/** The bars of a picture, in their order. */
function barsIn(svg: string): Bar[] {
  const bar =
    /<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="\d+"><title>([^<]*)<\/title>/g;
  return Array.from(svg.matchAll(bar), ([, phase = '', x, width, title = '']) => ({
    phase,
    x: Number(x),
    width: Number(width),
    title,
  }));
}

/** Whether every element that is opened is closed, and nothing is cut off. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml
    .replace(/<style>[^<]*<\/style>/g, '')
    .replace(
      /<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
      (_tag, closing: string, name: string, _attributes, empty: string) => {
        if (closing === '/') return open.pop() === name ? '' : '<';
        if (empty !== '/') open.push(name);
        return '';
      },
    );
  return open.length === 0 && !/[<>]|&(?!amp;|lt;|gt;|quot;)/.test(rest);
}

t.test('it is one document, which needs nothing else', async (t) => {
  const svg = explainSVG(SHOPPING);
  t.ok(isWellFormed(svg));
  t.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [^>]*viewBox="0 0 960 \d+"/);
  t.notMatch(
    svg.replace('http://www.w3.org/2000/svg', ''),
    /\bhref|\burl\(|@import|<script|<image/,
  );
  t.match(svg, '<title>GET https://shop.example/basket → 200 OK, 318 ms, 3 exchanges</title>');
  t.match(svg, '@media (prefers-color-scheme: dark)');
});

t.test('the bars lie on one scale of time, and say what they are', async (t) => {
  const bars = barsIn(explainSVG(SHOPPING));
  t.same(
    bars.map(({ phase }) => phase),
    [FIRST, AGAIN, AGAIN].flat(),
  );
  const [first, dns, , tls] = bars as [Bar, Bar, Bar, Bar];
  t.equal(tls.title, 'tls: 31.0 ms');
  t.equal(bars[5]?.title, 'wait: 36.0 ms');
  const scale = tls.width / 31;
  t.ok(Math.abs(dns.width / 5 - scale) < 0.05, 'widths');
  const third = bars[11] as Bar;
  t.ok(Math.abs((third.x - first.x) / 242 - scale) < 0.05, 'places');
  t.ok(
    bars.every(({ width }) => width >= 1),
    'all can be seen',
  );
});

t.test('for each phase there are two colours, one for each ground', async (t) => {
  const svg = explainSVG(SHOPPING);
  for (const phase of [...TIMED_PHASES, 'ground', 'ink']) {
    const fills = Array.from(
      svg.matchAll(new RegExp(`\\.strata \\.${phase} \\{ fill: (#\\w{6}) \\}`, 'g')),
    );
    t.equal(new Set(fills.map(([, fill]) => fill)).size, 2, phase);
  }
});

t.test('what came from elsewhere is text, and nothing but text', async (t) => {
  const evil = '"></text><script>alert(1)</script>&amp;\x1b';
  const error = Object.assign(new Error(evil), { name: evil });
  const svg = explainSVG([
    exchange(
      1,
      0,
      { queued: 5 },
      {
        outcome: 'failed',
        error,
        request: { url: `http://h/${evil}`, method: evil },
        response: { statusText: evil },
      },
    ),
  ]);
  t.ok(isWellFormed(svg));
  t.notMatch(svg, '<script');
  t.match(svg, '✗');
});

t.test('a call without exchanges has its facts', async (t) => {
  const layer = new CallTraceMiddleware(new StubTransport(() => new Response(200)));
  const svg = explainSVG(await layer.request('GET', 'http://h/'));
  t.ok(isWellFormed(svg));
  t.match(svg, 'The network was not asked.');
  t.same(barsIn(svg), []);
});

t.test('exchanges of no length are drawn all the same', async (t) => {
  const svg = explainSVG([exchange(1, 0, { queued: 0, body: 0 })]);
  t.ok(isWellFormed(svg));
  t.notMatch(svg, 'NaN');
  t.notMatch(svg, 'Infinity');
});

t.test('the width can be chosen, within bounds', async (t) => {
  t.match(explainSVG(SHOPPING, { width: 480 }), 'width="480"');
  for (const width of [479, NaN, Infinity, '960'] as number[]) {
    t.throws(
      () => explainSVG(SHOPPING, { width }),
      new TypeError(`explainSVG: width: expected a number from 480, got ${width}`),
    );
  }
  t.throws(() => explainSVG(new Response(200)), /^explainSVG: expected a response .* traced/);
});
