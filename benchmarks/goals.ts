import {
  atLeast,
  atMost,
  cost,
  costPerLayer,
  extra,
  type Goal,
  growth,
  overhead,
  ratio,
} from './goal.ts';

/**
 * What this library promises of its speed. A ratio says how many times less CPU it takes than undici's `request`,
 * or than the peer that is named, in the same run on the same machine.
 */
export const goals: readonly Goal[] = [
  // the bare pool
  atLeast(1.6, 'GET 200 B, one at a time, pool', ratio('get200-c1', 'strata-pool')),
  atLeast(2.8, 'GET 200 B, 10 at a time, pool', ratio('get200-c10', 'strata-pool')),
  atLeast(2.8, 'GET 200 B, 50 at a time, pool', ratio('get200-c50', 'strata-pool')),
  atLeast(2.8, 'GET 200 B, 500 at a time, pool', ratio('get200-c500', 'strata-pool')),
  atLeast(1.9, '… against undici dispatch', ratio('get200-c50', 'strata-pool', 'undici-dispatch')),
  atLeast(
    0.55,
    '… as a share of the raw socket limit',
    ratio('get200-c50', 'strata-pool', 'raw-socket'),
  ),

  // the client, its layers, and yours
  atLeast(
    1.6,
    'GET 200 B with headers, one at a time, client',
    ratio('get200-headers-c1', 'strata-client'),
  ),
  atLeast(
    2.2,
    'GET 200 B with headers, 10 at a time, client',
    ratio('get200-headers-c10', 'strata-client'),
  ),
  atLeast(
    2.2,
    'GET 200 B with headers, 50 at a time, client',
    ratio('get200-headers-c50', 'strata-client'),
  ),
  atLeast(
    2.2,
    'GET 200 B with headers, 500 at a time, client',
    ratio('get200-headers-c500', 'strata-client'),
  ),
  atMost(
    0.25,
    'default layers, over the bare pool',
    overhead('get200-headers-c50', 'strata-client', 'strata-pool'),
  ),
  atLeast(
    2.2,
    '… with 5 async layers of the user',
    ratio('get200-headers-c50', 'strata-client-5-layers'),
  ),
  atMost(
    0.25,
    'one async layer, CPU-µs',
    costPerLayer('get200-headers-c50', 'strata-client-5-layers', 'strata-client', 5),
  ),

  // other shapes of request
  atLeast(2.2, 'GET 64 KiB to bytes', ratio('get64k-c50', 'strata-pool')),
  atLeast(2.4, 'POST 1 KiB of JSON', ratio('post1k-c50', 'strata-pool')),
  atLeast(2.5, 'GET over TLS 1.3', ratio('tls-get200-c50', 'strata-pool')),
  atLeast(8, 'decoded JSON against got', ratio('json-c50', 'strata-client', 'got')),
  atLeast(8, 'decoded JSON against axios', ratio('json-c50', 'strata-client', 'axios')),
  atLeast(
    4,
    'as fetch, against built-in fetch',
    ratio('fetch-get200-c50', 'strata-fetch', 'builtin-fetch'),
  ),

  // long bodies
  atLeast(2.4, 'download 1 GiB', ratio('download-1g', 'strata-client')),
  atMost(90, '… peak RSS, MB', extra('download-1g', 'strata-client', 'peak RSS MB')),
  atLeast(4.5, 'download 1 GiB, lent chunks', ratio('download-1g-borrowed', 'strata-client')),
  atMost(60, '… peak RSS, MB', extra('download-1g-borrowed', 'strata-client', 'peak RSS MB')),
  atLeast(1.1, 'upload 1 GiB', ratio('upload-1g', 'strata-client')),
  atMost(60, '… peak RSS, MB', extra('upload-1g', 'strata-client', 'peak RSS MB')),

  // many at once, many servers
  atLeast(2.4, '10,000 requests at once', ratio('burst-10000', 'strata-pool')),
  atMost(
    1.25,
    '100,000 at once, cost of each against 10,000',
    growth('burst-10000', 'burst-100000', 'strata-pool'),
  ),
  atLeast(2.8, '2,000 origins', ratio('origins-2000', 'strata-pool')),

  // before and between requests
  atMost(12, 'import, ms', extra('cold-start', 'strata-client', 'import ms')),
  atMost(6, 'first request, ms', extra('cold-start', 'strata-client', 'first request ms')),
  atMost(2048, 'heap of an idle connection, bytes', cost('idle-heap', 'strata-pool')),
  atMost(4608, 'heap of an idle TLS connection, bytes', cost('tls-idle-heap', 'strata-pool')),
];
