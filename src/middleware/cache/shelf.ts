import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import { namesIn } from './directives.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { StoredEntry } from './store.ts';
import type { StoredResponse, VaryRule } from './stored-head.ts';

/** What is stored for a request, or where it would be. */
export interface Found {
  /** The key of the URL. */
  readonly primary: string;
  /** The key of what the request would get: that of the URL, or of one variant. */
  readonly key: string;
  readonly rule: VaryRule | null;
  readonly entry: (StoredEntry & { readonly head: StoredResponse }) | null;
  /** What there is not, where there is no entry. */
  readonly miss: 'uri-miss' | 'vary-miss';
}

/**
 * The stored responses, by URL and by what they vary by (RFC 9111 §4.1).
 *
 * Under the key of a URL stands a response, or, once one came with `Vary`, a rule: the names of the request headers that tell the responses
 * apart. Their values are then part of the keys that the responses stand under, and so is the rule's `id`: to forget a URL with all of its
 * variants, its own key is deleted, and what stood behind it is never found again.
 */
export class Shelf {
  readonly #store: GuardedStore;
  readonly #shared: boolean;

  constructor(store: GuardedStore, shared: boolean) {
    this.#store = store;
    this.#shared = shared;
  }

  async find(primary: string, request: Request): Promise<Found> {
    const first = await this.#store.get(primary);
    const personal = !this.#shared && request.headers.has('authorization');
    if (first === undefined || isPlain(first)) {
      // What anybody got is not for somebody: in a private cache, credentials always tell responses apart.
      if (personal) {
        const key = `${primary}\n${request.headers.get('authorization')}`;
        const miss = first === undefined ? 'uri-miss' : 'vary-miss';
        return { primary, key, rule: null, entry: null, miss };
      }
      return { primary, key: primary, rule: null, entry: first ?? null, miss: 'uri-miss' };
    }
    const rule = first.head as VaryRule;
    const key = variantKey(primary, rule, request);
    const entry = await this.#store.get(key);
    return {
      primary,
      key,
      rule,
      entry: entry !== undefined && isPlain(entry) ? entry : null,
      miss: 'vary-miss',
    };
  }

  /** The key that the response is to be stored under; null where it cannot be. */
  async place(found: Found, request: Request, response: Response): Promise<string | null> {
    const names = new Set([...(found.rule?.names ?? []), ...namesIn(response.headers.get('vary'))]);
    if (!this.#shared && request.headers.has('authorization')) names.add('authorization');
    if (names.size === 0) return found.primary;
    let { rule } = found;
    if (rule === null || names.size > rule.names.length) {
      rule = { kind: 'vary', id: crypto.randomUUID(), names: [...names].sort() };
      if (!(await this.#store.setHead(found.primary, rule))) return null;
    }
    return variantKey(found.primary, rule, request);
  }

  /** Forgets all that is stored for a URL. */
  async forget(primary: string): Promise<void> {
    await this.#store.delete(primary);
  }
}

function isPlain(
  entry: StoredEntry | undefined,
): entry is StoredEntry & { readonly head: StoredResponse } {
  return entry?.head.kind === 'response';
}

/** White space around commas, and on how many lines a list stands, makes no difference. */
function variantKey(primary: string, { id, names }: VaryRule, { headers }: Request): string {
  const values = names.map((name) => {
    const value = headers.get(name);
    return value === null ? name : `${name}: ${value.replace(/[\t ]*,[\t ]*/g, ',')}`;
  });
  return [primary, id, ...values].join('\n');
}
