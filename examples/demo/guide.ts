import { inspect } from 'node:util';
import { CookieJar } from 'tough-cookie';
import {
  ConnectionPool,
  CookieMiddleware,
  DecodeMiddleware,
  RedirectMiddleware,
  stack,
  type Request,
  type Response,
  type Transport,
} from '../../src/index.ts';
import { WatchedNetwork } from './network.ts';
import { count, heading, note, paragraph, row, size } from './screen.ts';
import { status, storyOf } from './story.ts';
import { Passage, watch } from './watch.ts';

/** Takes a response's body to its end; resolves to what there is to say of it. */
export type Taker = (response: Response) => Promise<readonly string[]>;

/** Sends requests through a stack that is watched between its layers, and tells what happened in it. */
export class Guide implements AsyncDisposable {
  readonly #network = new WatchedNetwork();
  readonly #pool = new ConnectionPool({ network: this.#network, limits: { maxConnections: 4 } });
  /** Read from the top, it is the way of a request; read from the bottom, that of its response. */
  readonly #stack: Transport = stack(
    watch,
    RedirectMiddleware.layer(),
    watch,
    CookieMiddleware.layer(new CookieJar()),
    watch,
    DecodeMiddleware.layer(),
    watch,
    this.#pool,
  );

  /** The whole stack, as it describes itself. */
  introduce(): void {
    paragraph(inspect(this.#stack).split(/(?<= →) /));
  }

  /** Sends a request, takes its response to the end, and tells all of it. */
  async show(why: string, request: Request, take: Taker = read): Promise<void> {
    heading(`${request.method} ${request.target}`, why);
    // The root of the tree that the watches grow: the whole way, as the caller sees it.
    const way = new Passage('caller', request);
    try {
      await using response = await this.#stack.send(request.with({ passage: way }));
      way.ended = performance.now();
      this.#tell(way);
      if (this.#pool.snapshot().active > 0) this.#tellPool();

      const started = performance.now();
      const told = await take(response);
      const ended = performance.now();
      const type = response.headers.get('content-type')?.split(';', 1)[0] ?? 'no type';
      row('  body', [`${size(response.bytesDownloaded)}, ${type}`, ...told], ended - started);
      row('  in all', [status(response)], ended - way.started);
    } catch (error) {
      if (way.ended === Infinity) this.#tell(way);
      throw error;
    } finally {
      this.#tellPool();
    }
  }

  /** The same request many times at once: how they share the pool's connections. */
  async showCrowd(why: string, request: Request, size: number): Promise<void> {
    heading(`${size} × ${request.method} ${request.target}`, why);
    const opened = this.#network.opened.length;
    const started = performance.now();
    const answers = Array.from({ length: size }, async () => {
      await using response = await this.#stack.send(request);
      await read(response);
      return status(response);
    });
    await Promise.race(answers);
    row('  first answer', [inspect(this.#pool)]);
    const statuses = new Set(await Promise.all(answers));
    row('  in all', [[...statuses].join(', ')], performance.now() - started);
    row('', [`${count(this.#network.opened.length - opened, 'connection')} opened for it`]);
    this.#tellPool();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.close();
  }

  /** One row a layer, each indented by how far inward it stands. */
  #tell({ inner }: Passage, depth = 1): void {
    for (const passage of inner) {
      row('  '.repeat(depth) + passage.layer, storyOf(passage, this.#network.opened), passage.own);
      this.#tell(passage, depth + 1);
    }
  }

  #tellPool(): void {
    note(inspect(this.#pool));
  }
}

/** The whole body at once. JSON is worth a look. */
async function read(response: Response): Promise<readonly string[]> {
  const { byteLength } = await response.bytes();
  const decoded = byteLength === response.bytesDownloaded ? [] : [`decoded: ${size(byteLength)}`];
  const isJSON = /json/.test(response.headers.get('content-type') ?? '');
  return isJSON ? [...decoded, await response.text()] : decoded;
}
