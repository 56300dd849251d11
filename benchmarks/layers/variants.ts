import type { RequestInit } from '../../src/index.ts';
import type { Strata } from '../strata/module.ts';
import { type Answer, gzipped, redirecting, setsCookie, storable, unstorable } from './answers.ts';

/** A layer, and what may be asked of it. */
export interface MeasuredLayer {
  readonly name: string;
  readonly class: string;
  /** Where in `src/middleware/` the class is, if the package does not export it. */
  readonly module: string;
  /** By name; in `idle` it has nothing to do for the request. */
  readonly modes: Readonly<Record<string, Mode>>;
}

export interface Mode {
  /** What the layer is made with. Left out: nothing. */
  readonly options?: Options | ((strata: Strata) => Options | Promise<Options>);
  /** What each request brings. */
  readonly request?: RequestInit;
  /** Each request of those under way asks for something else. */
  readonly distinct?: true;
  /** Left out: 200 bytes, as `/200` of the origin. */
  readonly answer?: Answer;
}

type Options = readonly unknown[];

const silent = () => {};
const logger = { debug: silent, info: silent, warn: silent, error: silent };

async function jarOf(cookies: number): Promise<Options> {
  const { CookieJar } = await import('tough-cookie');
  const jar = new CookieJar();
  for (let i = 0; i < cookies; i++)
    await jar.setCookie(`name-${i}=value-of-cookie-${i}; Path=/`, 'http://127.0.0.1/');
  return [jar];
}

const layer = (name: string, modes: MeasuredLayer['modes'], module = name): MeasuredLayer => ({
  name,
  class: `${name.charAt(0).toUpperCase()}${name.slice(1)}Middleware`,
  module,
  modes,
});

/** Every layer, from the outermost of a client's stack to the innermost. */
export const layers: readonly MeasuredLayer[] = [
  layer('deadline', { idle: {}, 'bounds a call': { options: [30_000] } }),
  layer('progress', {
    idle: {},
    'tells of a download': { request: { onDownloadProgress: silent } },
  }),
  layer('status', { idle: { options: [false] }, 'finds no failure': {} }),
  layer('hooks', {
    idle: {},
    'calls one before and one after': { options: [{ request: [silent], response: [silent] }] },
  }),
  layer('auth', {
    idle: {},
    basic: { options: [['user', 'password']] },
    bearer: { options: ({ BearerAuth }) => [new BearerAuth('eyJhbGciOiJIUzI1NiJ9.c3RyYXRh')] },
  }),
  layer('reauthorize', { idle: {} }, 'auth'),
  layer('redirect', {
    idle: {},
    'follows one, exchange included': { answer: redirecting },
  }),
  layer('retry', { idle: { options: [false] }, 'finds no failure': {} }),
  layer('cookie', {
    idle: {},
    'stores one': { answer: setsCookie },
    'sends 10': { options: () => jarOf(10) },
  }),
  layer('decode', {
    idle: { options: [{ advertise: false }] },
    'asks, gets identity': {},
    'undoes gzip, 1 KB': { answer: gzipped },
  }),
  layer('cache', {
    idle: { request: { cache: false } },
    'passes no-store by': { answer: unstorable, distinct: true },
    'answers by itself': { answer: storable },
  }),
  layer('dedupe', {
    idle: { request: { dedupe: false } },
    'finds none to join': { distinct: true },
    'joins 50': {},
  }),
  layer('breaker', { 'lets through': {} }),
  layer('throttle', {
    idle: { options: [{ concurrency: 1000 }], request: { throttle: false } },
    'lets through': { options: [{ concurrency: 1000 }] },
    'lets 40 of 50 wait': { options: [{ concurrency: 10 }] },
  }),
  layer('hedge', {
    idle: { request: { hedge: false } },
    'sends none': { options: [{ delay: 30_000 }] },
  }),
  layer('trace', { idle: { options: [false] }, records: {} }),
  layer('log', {
    idle: { options: [{ logger }], request: { log: false } },
    'writes two lines, to nowhere': { options: [{ logger }] },
  }),
  layer('telemetry', {
    idle: { request: { telemetry: false } },
    'tells no provider': {},
  }),
];

/** What the budgets and the results go by. */
export function variantName(layer: string, mode: string): string {
  return `${layer}: ${mode}`;
}
