import type { CacheStatus } from '../../messages/cache-status.ts';

/** The name of this cache in `Cache-Status`. */
const NAME = 'strata-http';

/** One member of `Cache-Status` (RFC 9211 §2). `detail` is always a token. */
export function cacheStatusField(status: CacheStatus): string {
  const { hit, fwd, fwdStatus, ttl, stored, collapsed, detail } = status;
  return [
    NAME,
    ...(hit ? ['hit'] : []),
    ...(fwd === undefined ? [] : [`fwd=${fwd}`]),
    ...(fwdStatus === undefined ? [] : [`fwd-status=${fwdStatus}`]),
    ...(ttl === undefined ? [] : [`ttl=${ttl}`]),
    ...(stored === true ? ['stored'] : []),
    ...(collapsed === true ? ['collapsed'] : []),
    ...(detail === undefined ? [] : [`detail=${detail}`]),
  ].join('; ');
}
