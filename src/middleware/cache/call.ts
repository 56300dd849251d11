import { isTransportError } from '../../errors.ts';
import type { CacheStatus } from '../../messages/cache-status.ts';
import type { Headers } from '../../messages/headers.ts';
import type { Request } from '../../messages/request.ts';
import type { Response } from '../../messages/response.ts';
import type { Arrival } from './arrivals.ts';
import { agrees, confirms, hasConditions, isNotModified, withConditions } from './conditions.ts';
import type { Flight } from './flights.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { Means } from './means.ts';
import { patient } from './patience.ts';
import { SERVER_ERRORS, type Verdict } from './policy.ts';
import { Recording, storeBytes, type RecordingOptions } from './recording.ts';
import { fromStore, gatewayTimeout, marked, notModified } from './reply.ts';
import type { Found } from './shelf.ts';
import { freshened, storedResponse, type StoredResponse } from './stored-head.ts';
import { headersFor, isForSharing, wantsStoredOnly, type CacheMode } from './wishes.ts';

type Entry = NonNullable<Found['entry']>;

/** What the server answered, and what is known of it. */
interface Answer {
  readonly response: Response;
  readonly found: Found;
  readonly fwd: CacheStatus['fwd'];
  readonly arrival: Arrival;
  readonly flight: Flight | null;
  /** Times on the cache's clock. */
  readonly sent: number;
  readonly arrived: number;
}

/** Milliseconds that a response may take that is fetched anew while nobody waits for it. */
const REFRESH_TIME = 60_000;

/** Errors that are the caller's own, or the end of his patience: no server failed. */
const NOT_THE_SERVER: ReadonlySet<string> = new Set([
  'ERR_DEADLINE',
  'ERR_LOCAL_PROTOCOL',
  'ERR_UNSUPPORTED_PROTOCOL',
]);

/** One GET or HEAD on its way through the cache. */
export class Call {
  readonly #means: Means;
  readonly #request: Request;
  readonly #mode: CacheMode;
  readonly #primary: string;
  readonly #started = performance.now();
  /** Why the server would have been asked, where it waited for another request instead. */
  #collapsed: CacheStatus['fwd'];

  constructor(means: Means, request: Request, mode: CacheMode, primary: string) {
    this.#means = means;
    this.#request = request;
    this.#mode = mode;
    this.#primary = primary;
  }

  /** From the store, by way of another request for the same, or from the server. */
  async answer(): Promise<Response> {
    const { shelf, flights } = this.#means;
    let alone = !isForSharing(this.#request, this.#mode);
    let waitedFor: string | null = null;
    for (;;) {
      const found = await patient(shelf.find(this.#primary, this.#request), this.#request);
      if (found.entry !== null) {
        const response = await this.#use(found, found.entry);
        if (response !== null) return response;
      }
      if (wantsStoredOnly(this.#request, this.#mode)) return gatewayTimeout(this.#request);
      // What it waited for is not there: it is not kept.
      if (alone || found.key === waitedFor) return this.#forward(found, null);
      const flight = flights.get(found.key);
      if (flight === undefined) return this.#forward(found, flights.begin(found.key));
      const landing = await patient(flight.join(), this.#request);
      this.#collapsed = landing === 'stored' ? this.#reason(found) : undefined;
      alone = landing === 'alone';
      if (landing === 'stored') waitedFor = found.key;
    }
  }

  /** The stored response, where it may be used; null where the server is to be asked. */
  async #use(found: Found, entry: Entry): Promise<Response | null> {
    const verdict = this.#verdict(entry.head);
    if (verdict === 'confirm') return null;
    const refreshes = verdict === 'use-and-refresh';
    const response = await this.#serve(entry, {
      ...(this.#collapsed === undefined
        ? { hit: true }
        : { hit: false, fwd: this.#collapsed, collapsed: true }),
      ...(refreshes ? { detail: 'stale-while-revalidate' } : {}),
    });
    if (response !== null && refreshes && !wantsStoredOnly(this.#request, this.#mode))
      this.#refresh(found);
    return response;
  }

  #verdict(stored: StoredResponse): Verdict {
    const { policies, now } = this.#means;
    if (this.#mode === 'force-cache' || this.#mode === 'only-if-cached') return 'use';
    if (this.#mode === 'reload') return 'confirm';
    if (this.#mode === 'no-cache') return policies.unchanging(stored, now()) ? 'use' : 'confirm';
    return policies.verdict(stored, this.#request, now());
  }

  /** null where the store does not give the body. */
  async #serve(entry: Entry, status: CacheStatus): Promise<Response | null> {
    const { policies, store, now } = this.#means;
    const { head } = entry;
    const time = now();
    const reply = {
      request: this.#request,
      status: { ...status, ttl: Math.floor(policies.timeLeft(head, time)) },
      age: policies.age(head, time),
      elapsed: performance.now() - this.#started,
    };
    if (hasConditions(this.#request) && isNotModified(this.#request, head))
      return notModified(head, reply);
    if (this.#request.method === 'HEAD') return fromStore(head, null, reply);
    const body = await store.body(entry);
    return body === undefined ? null : fromStore(head, body, reply);
  }

  async #forward(found: Found, flight: Flight | null): Promise<Response> {
    const { next, arrivals, now } = this.#means;
    const arrival = arrivals.begin(this.#primary);
    const sent = now();
    let conditional: boolean;
    let response: Response;
    try {
      const inward = this.#inward(found.entry);
      conditional = inward.conditional;
      response = await next.send(inward.request);
    } catch (error) {
      arrival.end();
      // Those who wait may have more patience. A server that fails is asked by all of them at once, not by one after the other.
      flight?.land(this.#request.signal?.aborted === true ? 'again' : 'alone');
      const stale = this.#isServerFailure(error) ? await this.#insteadOfError(found) : null;
      if (stale === null) throw error;
      return stale;
    }
    const answer: Answer = {
      response,
      found,
      fwd: this.#reason(found),
      arrival,
      flight,
      sent,
      arrived: now(),
    };
    try {
      if (conditional && response.status === 304)
        return await this.#confirmed(answer, found.entry as Entry);
      if (SERVER_ERRORS.has(response.status)) {
        const stale = await this.#insteadOfError(found, response.status);
        if (stale !== null) {
          this.#land(answer);
          await response.close();
          return stale;
        }
      }
      return this.#request.method === 'GET' && response.status !== 304
        ? await this.#keep(answer)
        : await this.#note(answer);
    } catch (error) {
      this.#land(answer);
      await response.close();
      throw error;
    }
  }

  /** The request as it goes to the server: with conditions of the cache's own where the caller has none. */
  #inward(entry: Entry | null): { readonly request: Request; readonly conditional: boolean } {
    const request = this.#request;
    const headers = headersFor(request, this.#mode);
    const asks =
      entry !== null &&
      this.#mode !== 'reload' &&
      request.method === 'GET' &&
      !hasConditions(request);
    const conditional = asks ? withConditions(headers, entry.head) : null;
    const changed = conditional ?? headers;
    return {
      request: changed === request.headers ? request : request.with({ headers: changed }),
      conditional: conditional !== null,
    };
  }

  /** A 304 to the cache's own condition: the stored response is what it was, and fresh again (RFC 9111 §4.3.4). */
  async #confirmed(answer: Answer, entry: Entry): Promise<Response> {
    const { store } = this.#means;
    const { response, found, flight } = answer;
    await response.close();
    if (!confirms(response.headers, entry.head)) return this.#again(answer);
    const head = this.#freshened(entry.head, answer);
    if (!answer.arrival.isOutdated) await store.update(found.key, head);
    const served = await this.#serve(
      { head, body: () => entry.body() },
      { hit: false, fwd: answer.fwd, fwdStatus: 304, stored: true },
    );
    if (served === null) return this.#again(answer);
    const shareable = this.#isShareable(head, answer.arrived);
    this.#means.flights.note(found.key, shareable);
    answer.arrival.end();
    flight?.land(shareable ? 'stored' : 'alone');
    // Said this once, and not stored: for the jar further out.
    const cookies = response.headers.getSetCookie();
    return cookies.length === 0
      ? served
      : served.with({ headers: served.headers.withAppended('Set-Cookie', cookies) });
  }

  /** Without conditions: what is stored turned out to be of no use. */
  #again({ found, arrival, flight }: Answer): Promise<Response> {
    arrival.end();
    return this.#forward({ ...found, entry: null }, flight);
  }

  /** What is not stored may say something about what is: the answer to a HEAD (RFC 9111 §4.3.5), or to a condition of the caller's. */
  async #note(answer: Answer): Promise<Response> {
    const { store } = this.#means;
    const { response, found } = answer;
    const { headers, status } = response;
    this.#land(answer);
    if (found.entry !== null && !answer.arrival.isOutdated) {
      const { head } = found.entry;
      const sameTag = headers.has('etag') && confirms(headers, head);
      if (status === 304 ? sameTag : status === 200 && agrees(headers, head))
        await store.update(found.key, this.#freshened(head, answer));
      else if (status === 200) await store.delete(found.key);
    }
    return marked(response, { hit: false, fwd: answer.fwd, fwdStatus: status });
  }

  /** Stores the response, if it may be, while its reader reads it. */
  async #keep(answer: Answer): Promise<Response> {
    const { policies, store, flights } = this.#means;
    const { response, found, flight, arrival, sent, arrived } = answer;
    const { headers, status } = response;
    const forwarded = { hit: false, fwd: answer.fwd, fwdStatus: status };
    const age = policies.ageOnArrival(headers, sent, arrived);
    const head = storedResponse(response, arrived, age);
    const mayStore = policies.mayStore(this.#request, response, arrived);
    const shareable = mayStore && this.#isShareable(head, arrived);
    flights.note(found.key, shareable);
    if (!shareable) flight?.land('alone');

    const expected = lengthOf(headers);
    const writer =
      mayStore && !arrival.isOutdated && (expected ?? 0) <= this.#means.maxEntrySize
        ? await this.#writer(answer, head)
        : null;
    if (writer === null) {
      this.#land(answer);
      // What it stands in place of is no longer what the server says.
      if (found.entry !== null && status < 500) await store.delete(found.key);
      return marked(response, forwarded);
    }
    const options: RecordingOptions = {
      maxSize: this.#means.maxEntrySize,
      expected,
      onEnd: (landing) => {
        arrival.end();
        flight?.land(landing);
      },
    };
    const kept = {
      ...forwarded,
      stored: true,
      ttl: Math.floor(policies.timeLeft(head, arrived)),
    };
    const body = response.detach();
    if (body instanceof Uint8Array) {
      await storeBytes(body, writer, options);
      return marked(response, kept);
    }
    const recording = new Recording(body, writer, options);
    arrival.records(recording);
    flight?.records(recording);
    return marked(response.with({ body: recording }), kept);
  }

  async #writer(
    { found, response }: Answer,
    head: StoredResponse,
  ): Promise<Awaited<ReturnType<GuardedStore['set']>>> {
    const { shelf, store } = this.#means;
    const key = await shelf.place(found, this.#request, response);
    return key === null ? null : store.set(key, head);
  }

  /** The stored response, where the server failed and it may stand in for that (RFC 5861 §4). */
  async #insteadOfError({ entry }: Found, fwdStatus?: number): Promise<Response | null> {
    const { policies, now } = this.#means;
    // Whoever asks for it anew has no use for the old one.
    if (this.#mode === 'reload' || this.#mode === 'no-cache') return null;
    if (entry === null || !policies.mayReplaceError(entry.head, this.#request, now())) return null;
    return this.#serve(entry, { hit: false, fwd: 'stale', fwdStatus, detail: 'stale-if-error' });
  }

  /** Fetches anew what is used meanwhile, once at a time; nobody waits for it. */
  #refresh(found: Found): void {
    const { refreshes } = this.#means;
    if (refreshes.has(found.key)) return;
    const request = this.#request.with({
      method: 'GET',
      headers: this.#request.headers.without('if-none-match').without('if-modified-since'),
      signal: null,
      expiresAt: performance.now() + REFRESH_TIME,
    });
    const call = new Call(this.#means, request, 'default', this.#primary);
    const done = call.#refreshed(found).finally(() => refreshes.delete(found.key));
    refreshes.set(found.key, done);
  }

  /** Whatever goes wrong here, the stale response has been used, and the next request tries again. */
  async #refreshed(found: Found): Promise<void> {
    try {
      await using response = await this.#forward(found, null);
      if (response.extensions.cacheStatus?.stored !== true) return;
      let left = this.#means.maxEntrySize;
      for await (const piece of response) {
        left -= piece.byteLength;
        if (left < 0) return;
      }
    } catch {}
  }

  #freshened(stored: StoredResponse, { response, sent, arrived }: Answer): StoredResponse {
    const age = this.#means.policies.ageOnArrival(response.headers, sent, arrived);
    return freshened(stored, response.headers, arrived, age);
  }

  /** Ends what the answer holds: nothing is stored of it. */
  #land({ arrival, flight }: Answer): void {
    arrival.end();
    flight?.land('alone');
  }

  #reason({ entry, miss }: Found): CacheStatus['fwd'] {
    const { policies, now } = this.#means;
    if (entry === null) return miss;
    return policies.timeLeft(entry.head, now()) > 0 ? 'request' : 'stale';
  }

  /** Whether those who asked meanwhile may have it without asking the server themselves. */
  #isShareable(stored: StoredResponse, time: number): boolean {
    return this.#means.policies.timeLeft(stored, time) > 0;
  }

  #isServerFailure(error: unknown): boolean {
    return (
      this.#request.signal?.aborted !== true &&
      isTransportError(error) &&
      !NOT_THE_SERVER.has(error.code)
    );
  }
}

/** What Content-Length promises. */
function lengthOf(headers: Headers): number | null {
  const text = headers.get('content-length');
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
