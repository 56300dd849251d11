/** How a cache dealt with a request: the members of RFC 9211 §2, each as it stands there. */
export interface CacheStatus {
  /** Whether the cache answered by itself. */
  readonly hit: boolean;
  /**
   * Why it did not: switched off or not applicable (`bypass`), a method it does not know (`method`), nothing stored (`uri-miss`), only for other
   * request headers (`vary-miss`), no longer fresh (`stale`), or the request wanted it so (`request`).
   */
  readonly fwd?: 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request' | undefined;
  /** What the server answered to that: 304 where the stored response was confirmed. */
  readonly fwdStatus?: number | undefined;
  /** Whether the response is stored: as it is read to its end, where it is not in memory yet. */
  readonly stored?: boolean | undefined;
  /** Whether it waited for another request for the same, and took what that one brought. */
  readonly collapsed?: boolean | undefined;
  /** Seconds for which it stays fresh; below 0 for one that is stale. */
  readonly ttl?: number | undefined;
  /** What else there is to say: `stale-while-revalidate`, `stale-if-error`, … */
  readonly detail?: string | undefined;
}
