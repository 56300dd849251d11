import type { PeerName } from '../peers/index.ts';
import { apiDocument, gibibyte, kilobyteOfJson, usualHeaders } from './ingredients.ts';
import type { Burst, ClosedLoop, Memory, Transfer, Workload } from './workload.ts';

const pools: readonly PeerName[] = [
  'raw-socket',
  'strata-pool',
  'strata-client',
  'undici-request',
  'undici-dispatch',
  'undici-stream',
  'node-http',
];
const complete: readonly PeerName[] = [
  'strata-client',
  'undici-fetch',
  'builtin-fetch',
  'axios',
  'got',
  'ky',
  'node-fetch',
  'superagent',
];
const layered: readonly PeerName[] = [
  'strata-pool',
  'strata-client',
  'strata-client-5-layers',
  'undici-request',
  'undici-dispatch',
  'node-http',
];

const requests = {
  shape: 'closed-loop',
  unit: 'CPU-µs/request',
  baseline: 'undici-request',
  peers: pools,
  path: '/200',
  expects: 200,
  concurrency: 50,
  connections: 50,
} as const;

const get200 = (concurrency: number): ClosedLoop => ({
  ...requests,
  name: `get200-c${concurrency}`,
  title: `GET 200 B, ${concurrency} at a time`,
  concurrency,
  connections: Math.min(concurrency, 50),
});

const withHeaders = (concurrency: number): ClosedLoop => ({
  ...get200(concurrency),
  name: `get200-headers-c${concurrency}`,
  title: `GET 200 B with 6 request headers, ${concurrency} at a time`,
  headers: usualHeaders,
  peers: layered,
});

const burst = (count: number): Burst => ({
  ...requests,
  shape: 'burst',
  name: `burst-${count}`,
  title: `GET 200 B, ${count.toLocaleString('en')} requests at once on 50 connections`,
  requests: count,
  peers: pools.filter((name) => name !== 'raw-socket'), // it has no promises
});

const transfer = (name: string, title: string, path: string, bytes: number): Transfer => ({
  shape: 'transfer',
  direction: 'download',
  name,
  title,
  path,
  bytes,
  unit: 'CPU-ms/GiB',
  baseline: 'undici-request',
  peers: [
    'strata-pool',
    'strata-client',
    'undici-request',
    'undici-fetch',
    'node-http',
    'axios',
    'got',
  ],
});

const memory = (name: string, title: string, holds: Memory['holds']): Memory => ({
  shape: 'memory',
  name,
  title,
  holds,
  unit: memoryUnits[holds],
  count: holds === 'queued requests' ? 5_000 : 500,
  baseline: 'undici-request',
  peers: ['strata-pool', 'strata-client', 'undici-request', 'node-http'],
});

const memoryUnits = {
  'idle connections': 'heap bytes/connection',
  'queued requests': 'heap bytes/request',
  'open responses': 'heap bytes/response',
} as const;

/** Every workload, in the order in which it is run and printed. */
export const workloads: readonly Workload[] = [
  get200(1),
  get200(10),
  { ...get200(50), peers: [...new Set([...pools, ...complete, 'smithy' as const])] },
  get200(500),
  withHeaders(1),
  withHeaders(10),
  withHeaders(50),
  withHeaders(500),
  {
    ...withHeaders(50),
    name: 'get200-request-id-c50',
    title: 'GET 200 B with 6 request headers and an X-Request-Id of its own, 50 at a time',
    requestIds: true,
  },
  {
    ...requests,
    name: 'get64k-c50',
    title: 'GET 64 KiB to bytes, 50 at a time',
    path: '/64k',
    expects: 65_536,
  },
  {
    ...requests,
    name: 'post1k-c50',
    title: 'POST 1 KiB of JSON, 50 at a time',
    method: 'POST',
    path: '/length',
    body: kilobyteOfJson,
    headers: { 'content-type': 'application/json' },
    expects: '{"length":1024}'.length,
  },
  {
    ...requests,
    name: 'tls-get200-c50',
    title: 'GET 200 B over TLS 1.3, 50 at a time',
    tls: true,
  },
  {
    ...requests,
    name: 'json-c50',
    title: 'GET decoded JSON (gzip, a session cookie, redirects on), 50 at a time',
    decoded: true,
    path: '/json',
    expects: apiDocument.total,
    baseline: 'got',
    peers: complete,
  },
  {
    ...requests,
    name: 'fetch-get200-c50',
    title: 'GET 200 B through a fetch function, 50 at a time',
    baseline: 'builtin-fetch',
    peers: ['strata-fetch', 'builtin-fetch', 'undici-fetch', 'node-fetch'],
  },
  transfer('download-1g', 'Download 1 GiB, chunk by chunk', '/1g', gibibyte),
  {
    ...transfer(
      'download-1g-borrowed',
      'Download 1 GiB into a sink of lent chunks',
      '/1g',
      gibibyte,
    ),
    direction: 'download-borrowed',
    peers: [
      'raw-socket',
      'strata-pool',
      'strata-client',
      'undici-request',
      'undici-dispatch',
      'undici-stream',
    ],
  },
  transfer('download-chunked16k', 'Download 1 GiB in chunks of 16 KiB', '/chunked16k', gibibyte),
  transfer('download-chunked1k', 'Download 256 MiB in chunks of 1 KiB', '/chunked1k', gibibyte / 4),
  {
    ...transfer('upload-1g', 'Upload 1 GiB in chunks of 64 KiB', '/length', gibibyte),
    direction: 'upload',
  },
  burst(100),
  burst(1_000),
  burst(10_000),
  burst(100_000),
  {
    ...requests,
    name: 'origins-2000',
    title: 'GET 200 B from 2,000 origins in turn, 50 at a time',
    origins: 2_000,
    connections: 2_000,
    peers: ['strata-pool', 'strata-client', 'undici-request', 'node-http'],
  },
  {
    shape: 'cold-start',
    name: 'cold-start',
    title: 'Import and first request in a fresh process',
    unit: 'ms',
    baseline: 'undici-request',
    peers: [
      ...new Set(['undici-request' as const, 'node-http' as const, 'smithy' as const, ...complete]),
    ],
  },
  memory('idle-heap', 'Heap held by an idle connection', 'idle connections'),
  {
    ...memory('tls-idle-heap', 'Heap held by an idle connection (TLS 1.3)', 'idle connections'),
    tls: true,
  },
  memory('queued-heap', 'Heap held by a request that waits for a connection', 'queued requests'),
  memory(
    'open-heap',
    'Heap held by a response whose body is still to come, with its connection',
    'open responses',
  ),
];
