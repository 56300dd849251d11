import type { Request } from '../../src/messages/request.ts';
import { Response, type ResponseInit } from '../../src/messages/response.ts';
import { Transport } from '../../src/transport.ts';
import { StubSource } from './stub-source.ts';

type Answer = Response | Error | undefined;

/**
 * A transport without a network: it notes what it is sent, and answers as it is told. Nothing to answer is a 200; an error is
 * thrown.
 */
export class StubTransport extends Transport {
  readonly requests: Request[] = [];
  /** The bodies of the responses made by `scoped`. */
  readonly bodies: StubSource[] = [];
  closes = 0;
  readonly #answer: (request: Request, place: number) => Answer | Promise<Answer>;

  constructor(
    answer: (request: Request, place: number) => Answer | Promise<Answer> = () => undefined,
  ) {
    super();
    this.#answer = answer;
  }

  async send(request: Request): Promise<Response> {
    this.requests.push(request);
    const answer = (await this.#answer(request, this.requests.length - 1)) ?? new Response(200);
    if (answer instanceof Error) throw answer;
    return answer.hasRequest ? answer : answer.with({ request });
  }

  override async close(): Promise<void> {
    this.closes++;
  }

  /** A response that is open until it is read or closed: `transport.bodies.at(-1)?.cancels` tells. */
  scoped(
    status: number,
    headers: NonNullable<ResponseInit['headers']> = {},
    ...pieces: string[]
  ): Response {
    const body = new StubSource(...(pieces.length === 0 ? ['body'] : pieces));
    this.bodies.push(body);
    return new Response(status, { headers, body });
  }

  /** What was asked for: `GET http://h/x`. */
  get log(): string[] {
    return this.requests.map(({ method, destination }) => `${method} ${destination.href}`);
  }
}
