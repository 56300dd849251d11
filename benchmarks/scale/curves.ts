import type { PeerName } from '../peers/index.ts';
import type { Layers } from '../peers/peer.ts';
import type { ClosedLoop, Transfer } from '../workloads/workload.ts';
import type { Curve } from './curve.ts';

const peers: readonly PeerName[] = ['strata-pool', 'strata-client', 'undici-request'];
const MEBIBYTE = 2 ** 20;

const request: ClosedLoop = {
  shape: 'closed-loop',
  name: '',
  title: '',
  unit: 'CPU-µs/request',
  baseline: 'undici-request',
  peers,
  path: '/200',
  expects: 200,
  concurrency: 50,
  connections: 50,
};

const layers = (kind: Layers['kind'], title: string): Curve => ({
  name: `layers-${kind}`,
  title,
  axis: 'layers',
  course: 'straight',
  peers: ['strata-client', 'undici-request'],
  points: [0, 1, 2, 5, 10, 20].map((count) => ({
    x: count,
    workload: { ...request, name: `layers-${kind}-${count}`, layers: { count, kind } },
  })),
});

const FIELD_COUNTS = [0, 3, 10, 30, 100];

const fields = (count: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`x-field-${i}`, `value-of-field-number-${i}`]),
  );

/** All one at a time and chunk by chunk: a curve over two ways of reading would have a step that is nobody's. */
const body = (bytes: number): ClosedLoop | Transfer =>
  bytes > MEBIBYTE
    ? {
        shape: 'transfer',
        direction: 'download',
        name: `body-${bytes}`,
        title: '',
        unit: 'CPU-ms/GiB',
        baseline: 'undici-request',
        peers,
        path: `/bytes/${bytes}`,
        bytes,
      }
    : {
        ...request,
        name: `body-${bytes}`,
        path: `/bytes/${bytes}`,
        expects: bytes,
        concurrency: 1,
        connections: 1,
        chunkwise: true,
      };

/** All that grows, in the order in which it is measured and shown. */
export const curves: readonly Curve[] = [
  {
    name: 'concurrency',
    title: 'GET 200 B, so many at once on up to 50 connections',
    axis: 'requests at once',
    course: 'level',
    peers,
    points: [1, 10, 100, 1_000, 10_000, 100_000].map((concurrency) => ({
      x: concurrency,
      workload: {
        ...request,
        name: `concurrency-${concurrency}`,
        concurrency,
        connections: Math.min(concurrency, 50),
      },
    })),
  },
  {
    name: 'origins',
    title: 'GET 200 B from so many origins in turn, 50 at once',
    axis: 'origins',
    course: 'level',
    peers,
    points: [1, 10, 100, 1_000, 10_000].map((origins) => ({
      x: origins,
      workload: {
        ...request,
        name: `origins-${origins}`,
        origins,
        // room for all: what closing one origin's connections for another's costs is not asked here
        connections: Math.max(500, origins),
      },
    })),
  },
  layers('async', 'GET 200 B through async layers of the user'),
  layers('plain', 'GET 200 B through layers that return what the next one returns'),
  {
    name: 'request-headers',
    title: 'GET 200 B with so many request headers of 40 bytes',
    axis: 'request headers',
    course: 'straight',
    peers,
    points: FIELD_COUNTS.map((count) => ({
      x: count,
      workload: { ...request, name: `request-headers-${count}`, headers: fields(count) },
    })),
  },
  {
    name: 'response-headers',
    title: 'GET 200 B with so many more response headers of 40 bytes, one of all read',
    axis: 'response headers',
    course: 'straight',
    peers,
    points: FIELD_COUNTS.map((count) => ({
      x: count,
      workload: { ...request, name: `response-headers-${count}`, path: `/fields/${count}` },
    })),
  },
  {
    name: 'bodies',
    title: 'GET a body of so many bytes, chunk by chunk, one at a time',
    axis: 'bytes of body',
    course: 'straight',
    peers,
    points: [0, 2 ** 10, 2 ** 14, 2 ** 17, 2 ** 20, 2 ** 24, 2 ** 27, 2 ** 30].map((bytes) => ({
      x: bytes,
      workload: body(bytes),
    })),
  },
];
