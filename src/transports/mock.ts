import { RequestError } from '../errors.ts';
import { inMemory } from '../messages/in-memory.ts';
import { inspect } from '../messages/inspect.ts';
import type { Request } from '../messages/request.ts';
import { Response } from '../messages/response.ts';
import { Transport } from '../transport.ts';
import { awaitedBody } from './foreign/awaited-body.ts';
import { Calls, NO_TIMEOUTS, underWay } from './foreign/call.ts';
import { RequestPattern } from './mock/expectation.ts';

/** Answers a request: `params` are what stands in the places of the names in the path, `/users/:id`. */
export type MockHandler = (
  request: Request,
  params: Readonly<Record<string, string>>,
) => MockResult | PromiseLike<MockResult>;

/** A response; a status, for one without a body; or an error, with which the request fails. */
export type MockResult = Response | number | Error;

/** What a mock answers with. */
export type MockAnswer = MockResult | MockHandler;

/** A pattern, and the answers to what it matches. */
interface Route {
  /** null: every request. */
  readonly pattern: RequestPattern | null;
  readonly answers: readonly MockAnswer[];
  /** Each answer is for one request, and has to be used; else the one answer is for all. */
  readonly expected: boolean;
  used: number;
}

/**
 * A transport without a network, for tests: it answers what it is told to, records what it is sent, and says what was missing.
 *
 *     const mock = new MockTransport(new Response(200, { text: 'hello' }));   // the same answer to every request
 *     const mock = new MockTransport([503, 503, 200]);                        // one request each, in this order
 *     const mock = new MockTransport((request) => new Response(200, { json: { path: request.url.pathname } }));
 *     const mock = new MockTransport()
 *       .on('GET', 'https://api.example.com/users/:id', (_, { id }) => new Response(200, { json: { id } }))
 *       .expect('POST', '/users', 201);
 *
 * Of the routes, the first one that matches and has an answer left counts; the constructor's answers are for what no route is for. A request
 * that nothing is for is refused with a `RequestError` that names the nearest route.
 *
 * Bodies are read to their end before an answer is given, so that the recorded requests have them in memory. An abort, a deadline, and a read
 * timeout that the request brings end the wait for an answer, as they do on a network.
 */
export class MockTransport extends Transport {
  readonly #routes: Route[] = [];
  readonly #own: Route;
  readonly #requests: Request[] = [];
  readonly #unexpected: string[] = [];
  readonly #calls: Calls = new Calls('the mock transport');

  /** @throws TypeError on what is no answer. */
  constructor(answers: MockAnswer | readonly MockAnswer[] = []) {
    super();
    const list = Array.isArray(answers);
    this.#own = routeOf(null, list ? answers : [answers], list);
  }

  /** A standing answer to every request of this kind; there need not be one. `url`: see `expect`. */
  on(method: string, url: string | URL | RegExp, answer: MockAnswer): this {
    this.#routes.push(routeOf(new RequestPattern(method, url), [answer], false));
    return this;
  }

  /**
   * Expects as many requests of this kind as there are answers, which are given in this order; one, to be answered with 200, where
   * there is none.
   *
   * `method`: `'*'` is any. `url`: a path (`/users/:id`, `/files/*`) of any origin; with an origin in front, that may be a pattern as for
   * `Mounts`; a query in it has to be there, among others perhaps. A RegExp is for the whole URL.
   */
  expect(method: string, url: string | URL | RegExp, ...answers: MockAnswer[]): this {
    const list = answers.length === 0 ? [200] : answers;
    this.#routes.push(routeOf(new RequestPattern(method, url), list, true));
    return this;
  }

  /** All that was sent, in this order, each with its body in memory: `mock.requests[0]?.content?.bytes?.()`. */
  get requests(): readonly Request[] {
    return this.#requests;
  }

  /** @throws Error that lists the answers that were expected to be used and were not, and the requests that were not expected. */
  assertDone(): void {
    const unused = [...this.#routes, this.#own]
      .filter(({ expected, used, answers }) => expected && used < answers.length)
      .map((route) => `not used: ${named(route)}`);
    const all = [...unused, ...this.#unexpected.map((each) => `not expected: ${each}`)];
    if (all.length > 0) throw new Error(all.join('\n'));
  }

  send(request: Request): Promise<Response> {
    return underWay(this.#calls, request, NO_TIMEOUTS, async (call) => {
      const seen = await inMemory(request, awaitedBody(call));
      this.#requests.push(seen);
      const answer = await call.wait(this.#answer(seen), call.timeouts.read, discard);
      const response = await responseTo(request, answer);
      call.finish();
      return response;
    });
  }

  /** Ends what is under way. What is missing does not count here: `assertDone` and the end of an `await using` scope tell. */
  override close(): Promise<void> {
    return this.#calls.close(0);
  }

  /** At the end of the scope, all that was expected must have come. @throws as `assertDone` does. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    this.assertDone();
  }

  override toString(): string {
    return `MockTransport [${this.#requests.length} requests]`;
  }

  [inspect](): string {
    return `<${this.toString()}>`;
  }

  async #answer(request: Request): Promise<MockResult> {
    for (const route of [...this.#routes, this.#own]) {
      const params = route.pattern === null ? {} : route.pattern.match(request);
      if (params === null || isUsedUp(route)) continue;
      const answer = route.answers[route.expected ? route.used : 0] as MockAnswer;
      route.used++;
      return typeof answer === 'function' ? await answer(request, params) : answer;
    }
    throw this.#refusal(request);
  }

  #refusal(request: Request): RequestError {
    const nearest = this.#nearest(request);
    this.#unexpected.push(`${request.method} ${request.destination.href}${nearest}`);
    return new RequestError(`no answer is there for this request${nearest}`, { request });
  }

  /** The route that differs in the least, and in what. */
  #nearest(request: Request): string {
    const [nearest] = (this.#routes.length > 0 ? this.#routes : [this.#own])
      .filter(({ answers }) => answers.length > 0)
      .map((route) => ({ route, differences: route.pattern?.differences(request) ?? [] }))
      .sort((a, b) => a.differences.length - b.differences.length);
    if (nearest === undefined) return '';
    const { route, differences } = nearest;
    const why =
      differences.length === 0 ? 'is used up' : `differs in its ${differences.join(' and ')}`;
    return `; the nearest, ${named(route)}, ${why}`;
  }
}

function routeOf(
  pattern: RequestPattern | null,
  answers: readonly MockAnswer[],
  expected: boolean,
): Route {
  for (const answer of answers) {
    if (typeof answer !== 'function') checkResult(answer);
  }
  return { pattern, answers, expected, used: 0 };
}

function isUsedUp({ expected, used, answers }: Route): boolean {
  return expected && used >= answers.length;
}

function named({ pattern, answers, expected, used }: Route): string {
  const name = pattern === null ? 'any request' : pattern.toString();
  return expected ? `${name} (${used} of ${answers.length} answers used)` : name;
}

/** The answer, as what came for this request. A response whose body is in memory can be given any number of times. */
async function responseTo(request: Request, answer: MockResult): Promise<Response> {
  checkResult(answer);
  if (answer instanceof Error) throw answer;
  const response = typeof answer === 'number' ? new Response(answer) : answer;
  if (request.method !== 'HEAD' || isEmpty(response)) return response.with({ request });
  await response.close();
  // The fields tell of the body that GET would have.
  const { headers } = response;
  return response.with({ request, headers, body: new Uint8Array(0) });
}

function isEmpty(response: Response): boolean {
  return response.isRead && response.bytesDownloaded === 0;
}

function discard(answer: MockResult): void {
  if (answer instanceof Response) void answer.close();
}

function checkResult(answer: unknown): asserts answer is MockResult {
  if (answer instanceof Error) return;
  if (typeof answer === 'number' ? isStatus(answer) : isResponse(answer)) return;
  throw new TypeError(
    `MockTransport: expected a Response, a status, an Error or a function that gives one, got ${describe(answer)}`,
  );
}

function isStatus(answer: number): boolean {
  return Number.isInteger(answer) && answer >= 100 && answer <= 999;
}

/** Of whichever copy of the package. */
function isResponse(answer: unknown): boolean {
  return typeof (answer as Response | null)?.detach === 'function';
}

function describe(value: unknown): string {
  if (typeof value === 'number' || value === undefined || value === null) return String(value);
  return typeof value === 'object'
    ? `an instance of ${value.constructor?.name ?? 'no class'}`
    : `a ${typeof value}`;
}
