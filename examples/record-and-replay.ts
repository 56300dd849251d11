/*
 * A test suite that records once, and replays from then on. Run it twice:
 *
 *     npm run compile
 *     node --test build/examples/record-and-replay.js    # asks the shop, and writes cassettes
 *     node --test build/examples/record-and-replay.js    # the shop need not be there
 *
 * The cassettes lie in build/examples/cassettes/: look into them. STRATA_CASSETTES=record makes them anew.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test, type TestContext } from 'node:test';
import { Client, isStatusError } from '../src/index.ts';
import { useCassette } from '../src/testing.ts';

interface Order {
  readonly number: number;
  readonly article: string;
}

/** What is tested: a shop, by its API. */
class Shop {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async login(user: string, password: string): Promise<Shop> {
    const response = await this.#client.post('sessions', { json: { user, password } });
    const { token } = await response.json<{ token: string }>();
    return new LoggedIn(this.#client, token);
  }

  async order(article: string): Promise<Order> {
    const response = await this.#client.post('orders', { json: { article }, ...this.credentials });
    return response.raiseForStatus().json<Order>();
  }

  protected get credentials(): { headers?: Record<string, string> } {
    return {};
  }
}

class LoggedIn extends Shop {
  readonly #token: string;

  constructor(client: Client, token: string) {
    super(client);
    this.#token = token;
  }

  protected override get credentials(): { headers: Record<string, string> } {
    return { headers: { authorization: `Bearer ${this.#token}` } };
  }
}

/** The shop itself, which is somebody else's. It is another port each time: the tests do not compare it. */
let server: Server;
let asked = 0;

before(async () => {
  server = createServer((request, response) => void sell(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

after(() => {
  console.log(`the shop was asked ${asked} times`);
  server.close();
});

/** Where a test gets its shop from. The one line that matters is the one with the cassette. */
function shopFor(t: TestContext): Shop {
  const transport = useCassette(t, import.meta.url, {
    match: ['method', 'path', 'query', 'body'],
    omit: ['date'],
  });
  const { port } = server.address() as AddressInfo;
  return new Shop(new Client({ baseUrl: `http://127.0.0.1:${port}/`, transport }));
}

void test('who is logged in can order', async (t) => {
  const shop = await shopFor(t).login('ada', 'hunter2');
  const { number, article } = await shop.order('granite');
  assert.equal(article, 'granite');
  assert.ok(number > 1000);
});

void test('nobody else can', async (t) => {
  await assert.rejects(shopFor(t).order('granite'), (error: unknown) => {
    return isStatusError(error) && error.status === 401;
  });
});

async function sell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  asked++;
  const body = await bodyOf(request);
  const authorized = request.headers.authorization === 'Bearer token-of-ada-1815';
  const [status, answer] =
    request.url === '/sessions'
      ? [201, { token: 'token-of-ada-1815' }]
      : authorized
        ? [201, { number: 1000 + asked, ...body }]
        : [401, { error: 'who are you?' }];
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece as string;
  return JSON.parse(text) as object;
}
