/** What a layer is about, where that decides on its place in a stack. */
export type LayerRole =
  | 'deadline'
  | 'status errors'
  | 'credentials'
  | 'redirects'
  | 'hsts'
  | 'retries'
  | 'cookies'
  | 'decoding'
  | 'cache'
  | 'breaker'
  | 'rate limit';

/** Two layers the wrong way round, and what comes of it. */
export interface WrongOrder {
  readonly outside: LayerRole;
  readonly inside: LayerRole;
  readonly because: string;
}

/**
 * Orders in which something does not work, or does harm, whatever they are meant for. What is a matter of taste is not among them: a warning that
 * can be wrong is worse than none.
 */
export const WRONG_ORDERS: readonly WrongOrder[] = [
  {
    outside: 'retries',
    inside: 'deadline',
    because:
      'the time begins anew with each attempt, so that nothing bounds the call. A deadline outside of retries does, with or without this one',
  },
  {
    outside: 'retries',
    inside: 'status errors',
    because: 'a status that would be tried again is an error by then, and is not',
  },
  {
    outside: 'breaker',
    inside: 'status errors',
    because: 'a status that would count as a failure is an error by then, and opens no circuit',
  },
  {
    outside: 'cache',
    inside: 'status errors',
    because: 'no 404 is kept, and nothing that is stale stands in for a 503',
  },
  {
    outside: 'redirects',
    inside: 'credentials',
    because: 'every hop is sent the credentials, those to other origins too',
  },
  {
    outside: 'retries',
    inside: 'redirects',
    because:
      'a hop that fails is tried again with all of those before it, and after a POST it is not tried again at all',
  },
  {
    outside: 'hsts',
    inside: 'redirects',
    because: 'a redirect to http: is followed in the clear, and nothing is learnt from the hops',
  },
  {
    outside: 'cookies',
    inside: 'redirects',
    because: 'cookies that come with a redirect are lost, and no further hop is sent its own',
  },
  {
    outside: 'cache',
    inside: 'redirects',
    because:
      'what a URL leads to is kept as though it were its own, and where it leads is not asked again',
  },
  {
    outside: 'cookies',
    inside: 'hsts',
    because: 'a request that becomes one for https: lacks the cookies that are for https: alone',
  },
  {
    outside: 'rate limit',
    inside: 'retries',
    because: 'all attempts of a call pass for one request',
  },
  {
    outside: 'cache',
    inside: 'cookies',
    because: 'what varies by Cookie is not told apart: after a login it is as it was before',
  },
  {
    outside: 'cache',
    inside: 'decoding',
    because:
      'a decoded body is not as long as its head says, and is not kept; where that says no length it is kept at its full size, and others who read the store cannot decode it',
  },
];

/** A layer, as far as it says what it is: none has to. */
interface Link {
  readonly role?: unknown;
  /** It does nothing by itself, and so nothing wrong. */
  readonly dormant?: unknown;
  readonly next?: unknown;
}

/** Two layers of a stack that are the wrong way round. */
export interface Misplaced {
  readonly outer: object;
  readonly inner: object;
  readonly rule: WrongOrder;
}

/**
 * Looks at a stack, outermost first. `parts` are those that are known; what each says to hold (`next`) is looked at with it. Where there are
 * several of a kind, one that stands right is enough: a second deadline for each attempt is no mistake.
 */
export function misplacedIn(parts: readonly object[]): Misplaced[] {
  const layers = layersOf(parts).filter(({ role, dormant }) => role != null && dormant !== true);
  const roles = layers.map(({ role }) => role);
  return WRONG_ORDERS.flatMap((rule) => {
    const outer = roles.lastIndexOf(rule.outside);
    const inner = roles.indexOf(rule.inside);
    return outer === -1 || inner < outer
      ? []
      : [{ outer: layers[outer] as object, inner: layers[inner] as object, rule }];
  });
}

/** Each layer once, in the order in which a request travels. What does not say what it holds hides nothing that is known anyway. */
function layersOf(parts: readonly object[]): Link[] {
  const found = new Set<Link>();
  for (const part of parts) {
    let each: unknown = part;
    while (typeof each === 'object' && each !== null && !found.has(each)) {
      found.add(each);
      each = (each as Link).next;
    }
  }
  return [...found];
}

const warned = new Set<WrongOrder>();

/** Warns of what stands in the wrong order, of each reason once in a process. */
export function warnOfOrder(parts: readonly object[]): void {
  for (const { outer, inner, rule } of misplacedIn(parts)) {
    if (warned.has(rule)) continue;
    warned.add(rule);
    globalThis.process?.emitWarning?.(
      `stack: ${nameOf(outer, rule.outside)} stands outside of ${nameOf(inner, rule.inside)}, and belongs inside: ${rule.because}.`,
      { code: 'STRATA_LAYER_ORDER' },
    );
  }
}

/** The name of its class; what is but an object is called by what it is about. */
function nameOf({ constructor }: object, role: LayerRole): string {
  return constructor === undefined || constructor === Object ? role : constructor.name || role;
}
