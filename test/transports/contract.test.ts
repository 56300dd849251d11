import t, { type Test } from 'tap';
import { Agent } from 'undici';
import { Client } from '../../src/client.ts';
import {
  ClosedError,
  DeadlineError,
  isHTTPError,
  ReadTimeoutError,
  WriteError,
} from '../../src/errors.ts';
import type { BodyInit } from '../../src/messages/body.ts';
import { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { AppTransport } from '../../src/transports/app.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { FetchTransport } from '../../src/transports/fetch.ts';
import { MockTransport } from '../../src/transports/mock.ts';
import { UndiciTransport } from '../../src/transports/undici.ts';
import { shared, type Transport } from '../../src/transport.ts';
import { turn } from '../support/clock.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { fetchApp, nodeApp, Stage, type Echoed } from './contract-app.ts';

assertNoLeaks(t);

/** A transport, and an app that it leads to. */
interface Set_ extends AsyncDisposable {
  readonly transport: Transport;
  readonly origin: string;
  readonly stage: Stage;
}

interface Kind {
  readonly name: string;
  /** Whether the app sees the request, and what becomes of it, as it comes: a mock's answers are no app. */
  readonly streams: boolean;
  open(): Promise<Set_>;
}

function overNetwork(name: string, make: () => Transport): Kind {
  return {
    name,
    streams: true,
    async open() {
      const stage = new Stage();
      const server = await okServer(nodeApp(stage));
      const transport = make();
      return {
        transport,
        stage,
        origin: server.url,
        async [Symbol.asyncDispose]() {
          await transport.close();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  };
}

function inProcess(name: string, streams: boolean, make: (stage: Stage) => Transport): Kind {
  return {
    name,
    streams,
    async open() {
      const stage = new Stage();
      const transport = make(stage);
      return {
        transport,
        stage,
        origin: 'http://app.test',
        [Symbol.asyncDispose]: () => transport.close(),
      };
    },
  };
}

/** The fetch handler as a mock's answers. */
function mocked(stage: Stage): MockTransport {
  const app = fetchApp(stage);
  return new MockTransport(async (request) => {
    const { method, url, headers, content, signal } = request;
    const web = await app(
      new globalThis.Request(url, {
        method,
        headers: Array.from(headers),
        body: (content?.bytes?.() as Uint8Array<ArrayBuffer> | undefined) ?? null,
        signal,
      }),
    );
    return new Response(web.status, { headers: Array.from(web.headers), body: web.body });
  });
}

const KINDS: readonly Kind[] = [
  overNetwork('ConnectionPool', () => new ConnectionPool()),
  overNetwork('FetchTransport', () => new FetchTransport()),
  overNetwork('UndiciTransport', () => new UndiciTransport(new Agent())),
  inProcess('AppTransport, Node', true, (stage) => new AppTransport(nodeApp(stage))),
  inProcess('AppTransport, fetch', true, (stage) => new AppTransport(fetchApp(stage))),
  inProcess('MockTransport', false, mocked),
];

/** What all of them have to do. */
const CONTRACT: Readonly<Record<string, (t: Test, set: Set_, kind: Kind) => Promise<void>>> = {
  async 'it resolves for every status'(t, { transport, origin }) {
    for (const status of [200, 201, 204, 304, 400, 404, 500, 599]) {
      const response = await transport.request('GET', `${origin}/status/${status}`);
      t.equal(response.status, status);
      t.equal(await response.text(), [204, 304].includes(status) ? '' : `status ${status}`);
    }
  },

  async 'a response knows its request, and HEAD has no body'(t, { transport, origin }) {
    const request = new Request('HEAD', `${origin}/status/200`);
    await using response = await transport.send(request);
    t.equal(response.request, request);
    t.equal(response.url.href, request.url.href);
    t.equal(await response.text(), '');
    t.ok(response.isRead);
    await using none = await transport.stream('GET', `${origin}/none`);
    t.equal((await none.bytes()).length, 0);
  },

  async 'method, target and headers arrive'(t, { transport, origin }) {
    const echoed = await transport.request('PATCH', `${origin}/echo?a=1&b=%20x`, {
      headers: { 'X-Mixed-Case': 'yes', cookie: 'a=1', 'user-agent': 'contract' },
    });
    const { method, target, headers } = await echoed.json<Echoed>();
    t.equal(method, 'PATCH');
    t.equal(target, '/echo?a=1&b=%20x');
    t.equal(headers['x-mixed-case'], 'yes');
    t.equal(headers['cookie'], 'a=1');
    t.equal(headers['user-agent'], 'contract');
  },

  async 'repeated fields are kept apart where it matters'(t, { transport, origin }) {
    const { headers } = await transport.request('GET', `${origin}/repeated`);
    t.strictSame(headers.getSetCookie(), ['a=1', 'b=2']);
    t.equal(headers.get('X-One'), 'one');
  },

  async 'every kind of body arrives, with its type and length'(t, { transport, origin }) {
    const bytes = new TextEncoder().encode('grüße');
    const bodies: [BodyInit, type: string | undefined, length: string | undefined][] = [
      ['grüße', 'text/plain;charset=UTF-8', '7'],
      [bytes, undefined, '7'],
      [new Blob([bytes], { type: 'text/x' }), 'text/x', '7'],
      [new URLSearchParams({ a: 'b c' }), 'application/x-www-form-urlencoded;charset=UTF-8', '5'],
      [new Blob([bytes]).stream() as ReadableStream<Uint8Array>, undefined, undefined],
      [[bytes.subarray(0, 3), bytes.subarray(3)], undefined, undefined],
    ];
    for (const [body, type, length] of bodies) {
      const response = await transport.request('POST', `${origin}/echo`, { body });
      const echoed = await response.json<Echoed>();
      t.equal(echoed.body, body instanceof URLSearchParams ? 'a=b+c' : 'grüße');
      t.equal(echoed.headers['content-type']?.toLowerCase(), type?.toLowerCase());
      if (length !== undefined && transport instanceof MockTransport === false)
        t.equal(echoed.headers['content-length'], length);
    }
    const { body } = await (
      await transport.request('PUT', `${origin}/echo`, { json: { a: 1 } })
    ).json<Echoed>();
    t.equal(body, '{"a":1}');
  },

  async 'large bodies go both ways'(t, { transport, origin }) {
    const large = await transport.request('GET', `${origin}/large`);
    t.equal((await large.bytes()).length, 1 << 20);
    const pieces = Array.from({ length: 64 }, () => new Uint8Array(16_384).fill(65));
    for (const body of [Buffer.concat(pieces), pieces]) {
      const answer = await transport.request('POST', `${origin}/upload`, { body });
      t.equal(await answer.text(), `${1 << 20}`);
    }
  },

  async 'a response is there at its head, and its pieces when they come'(t, set) {
    await using response = await set.transport.stream('GET', `${set.origin}/stream`);
    const pieces = response[Symbol.asyncIterator]();
    t.equal(Buffer.from((await pieces.next()).value as Uint8Array).toString(), 'one');
    set.stage.say('go on');
    let rest = '';
    for await (const piece of pieces) rest += Buffer.from(piece).toString();
    t.equal(rest, 'two');
    t.equal(response.bytesDownloaded, 6);
  },

  async 'a request is sent while its body is made'(t, { transport, origin, stage }, kind) {
    if (!kind.streams) return;
    async function* body(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(5);
      await stage.heard('first piece came');
      yield new Uint8Array(6);
    }
    const answer = await transport.request('POST', `${origin}/upload`, { body: body() });
    t.equal(await answer.text(), '11');
  },

  async 'closing a response early reaches the app'(t, { transport, origin, stage }) {
    const response = await transport.stream('GET', `${origin}/endless`);
    for await (const piece of response) {
      t.ok(piece.length > 0);
      break;
    }
    await response.close();
    await stage.heard('/endless closed');
    t.equal((await transport.request('GET', `${origin}/status/200`)).status, 200, 'and no harm');
  },

  async 'what is aborted before is not sent'(t, { transport, origin, stage }) {
    const reason = { why: 'before' };
    const signal = AbortSignal.abort(reason);
    t.equal(await rejection(transport.request('GET', `${origin}/flaky`, { signal })), reason);
    t.equal(stage.timesOf('/flaky'), 0);
  },

  async 'an abort ends the wait for a response, with its reason'(t, { transport, origin, stage }) {
    const controller = new AbortController();
    const reason = { why: 'waiting' };
    const { signal } = controller;
    const failed = rejection(transport.request('GET', `${origin}/never`, { signal }));
    await stage.heard('/never came');
    controller.abort(reason);
    t.equal(await failed, reason);
    await stage.heard('/never closed');
  },

  async 'an abort ends a body, with its reason'(t, { transport, origin, stage }, kind) {
    if (!kind.streams) return;
    const controller = new AbortController();
    const reason = { why: 'reading' };
    const { signal } = controller;
    const response = await transport.stream('GET', `${origin}/stream`, { signal });
    const pieces = response[Symbol.asyncIterator]();
    await pieces.next();
    const failed = rejection(pieces.next());
    controller.abort(reason);
    t.equal(await failed, reason);
    stage.say('go on');
    await response.close();
  },

  async 'one signal serves any number, and an abort afterwards does nothing'(t, set) {
    const controller = new AbortController();
    const { signal } = controller;
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        set.transport.request('POST', `${set.origin}/echo`, { body: `${n}`, signal }),
      ),
    );
    const bodies = await Promise.all(responses.map((each) => each.json<Echoed>()));
    t.strictSame(
      bodies.map(({ body }) => body),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    );
    controller.abort();
    t.equal((await responses[0]!.bytes()).length > 0, true);
  },

  async 'a body whose source fails is a WriteError with the cause'(t, { transport, origin }) {
    const cause = new Error('the disk is gone');
    async function* body(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(5);
      throw cause;
    }
    const failed = transport.request('POST', `${origin}/echo`, { body: body() });
    t.equal((await rejection(failed, WriteError)).cause, cause);
  },

  async 'a response that breaks off is an error, never a short body'(t, set, kind) {
    const response = await set.transport.stream('GET', `${set.origin}/broken`);
    const error = await rejection(response.text());
    if (/Node|^[CFU]/.test(kind.name))
      t.ok(isHTTPError(error) && error.code === 'ERR_REMOTE_PROTOCOL');
    else t.match(error, { message: 'broken' }, 'in this process, it is the error itself');
  },

  async 'a read timeout and a deadline end the wait'(t, { transport, origin }) {
    const url = `${origin}/never`;
    const timeout = { connect: 10, pool: 10, read: 20 };
    await rejection(transport.request('GET', url, { timeout }), ReadTimeoutError);
    const expiresAt = performance.now() + 20;
    const late = await rejection(transport.request('GET', url, { expiresAt }), DeadlineError);
    t.equal(late.request.url.href, url);
  },

  async 'closing: what is under way ends, what comes later is refused'(t, set) {
    const { transport, origin } = set;
    const response = await transport.stream('GET', `${origin}/stream`);
    const closed = transport.close();
    const again = transport.close();
    await rejection(transport.request('GET', `${origin}/status/200`), ClosedError);
    set.stage.say('go on');
    t.equal(await response.text(), 'onetwo');
    await closed;
    await again;
    await transport.close();
  },

  async 'the layers do the same over it'(t, { transport, origin }) {
    await using client = new Client({
      transport: shared(transport),
      baseUrl: origin,
      retry: { attempts: 3, backoff: { base: 0 } },
    });
    const redirected = await client.get('/redirect');
    t.equal(redirected.history[0]?.status, 302);
    const { target, headers } = await redirected.json<Echoed>();
    t.equal(target, '/echo');
    t.equal(headers['cookie'], 'seen=yes');
    t.equal(await (await client.get('/gzip')).text(), 'what was compressed');
    t.equal(await (await client.get('/flaky')).text(), 'at last');
    await using stopped = await client.stream('GET', '/redirect', { redirect: false });
    t.equal(stopped.nextRequest?.target, '/echo');
  },
};

for (const kind of KINDS) {
  t.test(kind.name, async (t) => {
    for (const [name, check] of Object.entries(CONTRACT)) {
      t.test(name, async (t) => {
        await using set = await kind.open();
        await check(t, set, kind);
        await turn();
      });
    }
  });
}
