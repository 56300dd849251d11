import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { deferred, type Deferred } from '../support/deferred.ts';

/** What a test and an app tell one another. Each name stands for one event, made when it is first asked for. */
export class Stage {
  readonly #events = new Map<string, Deferred>();
  /** How often a path has been asked for. */
  readonly #counts = new Map<string, number>();

  /** Lets the others go on. */
  say(name: string): void {
    this.#event(name).resolve();
  }

  /** Waits for the others. */
  heard(name: string): Promise<void> {
    return this.#event(name).promise;
  }

  count(path: string): number {
    const count = this.timesOf(path) + 1;
    this.#counts.set(path, count);
    return count;
  }

  timesOf(path: string): number {
    return this.#counts.get(path) ?? 0;
  }

  #event(name: string): Deferred {
    let event = this.#events.get(name);
    if (event === undefined) this.#events.set(name, (event = deferred()));
    return event;
  }
}

/** What `/echo` answers. */
export interface Echoed {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What most routes answer, whatever the app is written for. */
interface Plain {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

const ZIPPED = gzipSync('what was compressed');

function plain(stage: Stage, path: string): Plain | null {
  const status = /^\/status\/(\d+)$/.exec(path)?.[1];
  if (status !== undefined) {
    const empty = ['204', '304'].includes(status);
    return { status: Number(status), ...(!empty && { body: `status ${status}` }) };
  }
  switch (path) {
    case '/repeated':
      return { status: 200, headers: { 'set-cookie': ['a=1', 'b=2'], 'x-one': 'one' } };
    case '/redirect':
      return { status: 302, headers: { location: '/echo', 'set-cookie': 'seen=yes' } };
    case '/gzip':
      return { status: 200, headers: { 'content-encoding': 'gzip' }, body: ZIPPED };
    case '/flaky':
      return { status: stage.count(path) < 3 ? 503 : 200, body: 'at last' };
    case '/large':
      return { status: 200, body: new Uint8Array(1 << 20).fill(7) };
    case '/none':
      return { status: 200 };
    default:
      return null;
  }
}

/** The app for Node's `http`. */
export function nodeApp(stage: Stage) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0]!;
    const answer = plain(stage, path);
    if (answer !== null) {
      request.resume();
      response.writeHead(answer.status, {
        ...(answer.body !== undefined && { 'content-length': Buffer.byteLength(answer.body) }),
        ...answer.headers,
      });
      response.end(method === 'HEAD' ? undefined : answer.body);
      return;
    }
    response.on('close', () => stage.say(`${path} closed`));
    switch (path) {
      case '/echo': {
        const headers = request.headers as Echoed['headers'];
        const body = await text(request);
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ method, target: url, headers, body } satisfies Echoed));
        return;
      }
      case '/stream':
        response.write('one');
        await stage.heard('go on');
        response.end('two');
        return;
      case '/upload':
        request.once('data', () => stage.say('first piece came'));
        response.end(`${(await text(request)).length}`);
        return;
      case '/endless':
        request.resume();
        pipeline(Readable.from(endless()), response, () => {});
        return;
      case '/never':
        stage.say('/never came');
        return;
      case '/broken':
        response.writeHead(200, { 'content-length': 10 });
        response.write('abc', () => setImmediate(() => request.socket.destroy()));
    }
  };
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}

/** The same app as a fetch handler. */
export function fetchApp(stage: Stage) {
  return async (request: globalThis.Request): Promise<globalThis.Response> => {
    const { method } = request;
    const url = new URL(request.url);
    const path = url.pathname;
    const answer = plain(stage, path);
    if (answer !== null) {
      const headers = new globalThis.Headers();
      for (const [name, value] of Object.entries(answer.headers ?? {}))
        for (const each of [value].flat()) headers.append(name, each);
      const body = method === 'HEAD' ? null : ((answer.body ?? null) as string | null);
      return new globalThis.Response(body, { status: answer.status, headers });
    }
    const closed = (): void => stage.say(`${path} closed`);
    switch (path) {
      case '/echo': {
        const headers = Object.fromEntries(request.headers);
        const target = url.pathname + url.search;
        const body = await request.text();
        return globalThis.Response.json({ method, target, headers, body } satisfies Echoed);
      }
      case '/stream':
        return streamed(
          (async function* () {
            yield 'one';
            await stage.heard('go on');
            yield 'two';
          })(),
        );
      case '/upload': {
        let length = 0;
        for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
          length += piece.length;
          stage.say('first piece came');
        }
        return new globalThis.Response(`${length}`);
      }
      case '/endless':
        return new globalThis.Response(
          new ReadableStream<Uint8Array>({
            pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
            cancel: closed,
          }),
        );
      case '/never':
        request.signal.addEventListener('abort', closed);
        stage.say('/never came');
        return new Promise(() => {});
      case '/broken':
        return streamed(
          (async function* () {
            yield 'abc';
            throw new Error('broken');
          })(),
        );
      default:
        return new globalThis.Response(null, { status: 404 });
    }
  };
}

function streamed(pieces: AsyncGenerator<string>): globalThis.Response {
  const encoder = new TextEncoder();
  return new globalThis.Response(
    new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await pieces.next();
          if (done === true) controller.close();
          else controller.enqueue(encoder.encode(value));
        },
        async cancel() {
          await pieces.return(undefined);
        },
      },
      { highWaterMark: 0 },
    ),
  );
}
