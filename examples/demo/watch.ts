import { inspect } from 'node:util';
import {
  middleware,
  type Layer,
  type Request,
  type Response,
  type TransportLike,
} from '../../src/index.ts';

/** One request on its way through one layer: what came in, what went out, and when. */
export class Passage {
  /** The layer that is passed. */
  readonly layer: string;
  readonly request: Request;
  response: Response | null = null;
  /** What the layer sent inward, in order; a redirect makes it several. */
  readonly inner: Passage[] = [];
  /** Milliseconds on the `performance.now()` clock. */
  readonly started: number = performance.now();
  ended = Infinity;

  constructor(layer: string, request: Request) {
    this.layer = layer;
    this.request = request;
  }

  /** Milliseconds up to the head of the response. */
  get elapsed(): number {
    return this.ended - this.started;
  }

  /** Milliseconds of it that were spent in the layer itself. */
  get own(): number {
    return this.elapsed - this.inner.reduce((sum, each) => sum + each.elapsed, 0);
  }
}

declare module '../../src/index.ts' {
  interface RequestExtensions {
    /** The passage that this request is a part of. */
    passage?: Passage | undefined;
  }
}

/**
 * A layer that changes nothing and notes what passes. It stands before each layer that is to be watched:
 *
 *     stack(watch, RedirectMiddleware.layer(), watch, CookieMiddleware.layer(), watch, pool)
 *
 * The request itself carries the passage that it is a part of: whatever a layer sends inward is made of what it got, so that
 * the passages grow into a tree, however many requests are under way at once.
 */
export const watch: Layer = middleware(async function watch(request, next) {
  const passage = new Passage(nameOf(next), request);
  request.extensions.passage?.inner.push(passage);
  try {
    passage.response = await next.send(request.with({ passage }));
    return passage.response;
  } finally {
    passage.ended = performance.now();
  }
});

/** What a transport calls itself when it is printed: `RedirectMiddleware` of `<RedirectMiddleware → ConnectionPool …>`. */
function nameOf(transport: TransportLike): string {
  return /\w+/.exec(inspect(transport))?.[0] ?? 'transport';
}
