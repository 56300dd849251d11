import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import { hasConditions } from './conditions.ts';
import { requestDirectives } from './policy.ts';

/**
 * How one request uses the cache, as `fetch` has it: by the rules (`default`), not at all (`no-store`), only to store (`reload`), only what the
 * server confirms (`no-cache`), whatever is there however old (`force-cache`), and that or a 504 (`only-if-cached`).
 */
export type CacheMode =
  | 'default'
  | 'no-store'
  | 'reload'
  | 'no-cache'
  | 'force-cache'
  | 'only-if-cached';

/** A request that wants something particular is not held up for others, nor are they for it. */
export function isForSharing(request: Request, mode: CacheMode): boolean {
  return (
    request.method === 'GET' &&
    mode === 'default' &&
    !hasConditions(request) &&
    !requestDirectives(request.headers).has('no-cache')
  );
}

/** Whether the server is not to be asked at all. */
export function wantsStoredOnly({ headers }: Request, mode: CacheMode): boolean {
  return mode === 'only-if-cached' || requestDirectives(headers).has('only-if-cached');
}

/** As fetch has it: a mode that asks for something fresh says so to the caches on the way too. */
export function headersFor({ headers }: Request, mode: CacheMode): Headers {
  if (mode === 'reload') return headers.withDefault('cache-control', 'no-cache');
  if (mode === 'no-cache') return headers.withDefault('cache-control', 'max-age=0');
  return headers;
}
