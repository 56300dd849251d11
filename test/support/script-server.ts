import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { after, arrival } from './clock.ts';
import { Condition } from './condition.ts';
import type { ReceivedRequest } from './received-request.ts';
import { type ConnectionScript, connection, repeat } from './script.ts';
import { type Bytes, Wire, WireClosed } from './wire.ts';

export { chunked, lines, ok } from './messages.ts';
export type { ReceivedRequest } from './received-request.ts';
export * from './script.ts';
export type { Bytes, SendOptions, Wire } from './wire.ts';

/** Answers one whole request: with the bytes it returns, or by what it does with the wire. */
export type Handler = (
  request: ReceivedRequest,
  wire: Wire,
) => Bytes | undefined | Promise<Bytes | undefined>;

export interface ScriptServerOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Listen on a Unix socket instead. */
  readonly socketPath?: string;
  /** Speak TLS, with these options. */
  readonly tls?: TlsOptions;
  /**
   * How many milliseconds `request()`, `connection()` and `connectionClosed()` wait. Default:
   * 10 000, less than tap's own limit: better a message that says what was awaited.
   */
  readonly patience?: number;
}

/**
 * A server that does on real sockets exactly what its script says, byte by byte:
 *
 *     await using server = await ScriptServer.start([
 *       connection(reply('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', { split: 1 }), fin()),
 *       connection(head(), body(1000), reset()),
 *       repeat(connection(repeat(reply(ok())))),
 *     ]);
 *
 * The Nth script is played on the Nth connection. What the script does not foresee (a connection,
 * a request after the last step, a malformed request, a step that throws) is a violation: the
 * connection is reset, and disposal throws, so no test passes by accident.
 */
export class ScriptServer implements AsyncDisposable {
  /** Every request of every connection, in the order in which the heads came. */
  readonly requests: ReceivedRequest[] = [];
  /** What was not in the script. Disposal throws it; a test that wants one empties the array. */
  readonly violations: Error[] = [];
  readonly host: string;

  readonly #scripts: readonly ConnectionScript[];
  readonly #tls: TlsOptions | undefined;
  readonly #patience: number;
  readonly #listener: Server;
  readonly #wires: Wire[] = [];
  readonly #changed = new Condition();

  private constructor(scripts: readonly ConnectionScript[], options: ScriptServerOptions) {
    this.#scripts = scripts;
    this.#tls = options.tls;
    this.#patience = options.patience ?? 10_000;
    this.host = options.host ?? '127.0.0.1';
    this.#listener = createServer((socket) => this.#accept(socket));
  }

  static async start(
    script: Handler | readonly ConnectionScript[],
    options: ScriptServerOptions = {},
  ): Promise<ScriptServer> {
    const scripts = typeof script === 'function' ? [repeat(handling(script))] : script;
    const server = new ScriptServer(scripts, options);
    const { host } = server;
    const { socketPath } = options;
    const where = socketPath === undefined ? { port: 0, host } : { path: socketPath };
    await new Promise<void>((resolve, reject) => {
      server.#listener.once('error', reject).listen(where, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** The origin, without a slash at its end. */
  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `${this.#tls === undefined ? 'http' : 'https'}://${host}:${this.port}`;
  }

  get connections(): { readonly count: number; readonly open: number } {
    const open = this.#wires.filter((wire) => wire.state !== 'closed').length;
    return { count: this.#wires.length, open };
  }

  /** The Nth request, counted from 1 over all connections, as soon as its head has come. */
  request(n: number): Promise<ReceivedRequest> {
    return this.#until(`request ${n}`, () => this.requests[n - 1]);
  }

  /** The Nth connection, counted from 1, as soon as it is accepted: to act on it from the test. */
  connection(n: number): Promise<Wire> {
    return this.#until(`connection ${n}`, () => this.#wires[n - 1]);
  }

  /** Resolves when the Nth connection, counted from 1, is closed in both directions. */
  async connectionClosed(n: number): Promise<void> {
    await this.#until(
      `the end of connection ${n}`,
      () => this.#wires[n - 1]?.state === 'closed' || undefined,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<unknown>((resolve) => this.#listener.close(resolve));
    for (const wire of this.#wires) wire.close();
    await closed;
    await arrival(); // for steps that throw because of it
    const [first, ...others] = this.violations;
    if (first === undefined) return;
    throw others.length === 0 ? first : new AggregateError(this.violations, `${first.message}, …`);
  }

  #accept(socket: Socket): void {
    const number = this.#wires.length + 1;
    const wire = new Wire(socket, number, this.#tls, (request) => {
      this.requests.push(request);
      this.#changed.changed();
    });
    this.#wires.push(wire);
    socket.once('close', () => this.#changed.changed());
    this.#changed.changed();
    const last = this.#scripts.at(-1);
    const script = this.#scripts[number - 1] ?? (last?.repeated ? last : undefined);
    void this.#play(script, wire);
  }

  async #play(script: ConnectionScript | undefined, wire: Wire): Promise<void> {
    try {
      await arrival(); // or a reset would come before the client knows that it is connected
      if (script === undefined) throw new Error('it is not in the script');
      if (this.#tls !== undefined && !script.bare) await wire.startTLS();
      if (!script.bare) wire.http();
      for (const step of script.steps) await step(wire);
      // A request that crosses our end was sent in good faith; any other has no answer to come.
      if (wire.state !== 'open') return;
      const extra = await wire.head();
      throw new Error(`the script was over when ${extra.toString()} came`);
    } catch (error) {
      if (error instanceof WireClosed) return;
      const message = error instanceof Error ? error.message : String(error);
      this.violations.push(new Error(`connection ${wire.number}: ${message}`, { cause: error }));
      wire.reset();
    }
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    let late = false;
    const cancel = after(this.#patience, () => {
      late = true;
      this.#changed.changed();
    });
    return await this.#changed
      .until(() => {
        const found = look();
        if (found === undefined && late) {
          throw new Error(
            `${this.#patience} ms without ${what}; there came: ${this.requests.join(', ')}`,
          );
        }
        return found;
      })
      .finally(cancel);
  }
}

function handling(handler: Handler): ConnectionScript {
  return connection(
    repeat(async (wire) => {
      const answer = await handler(await wire.request(), wire);
      if (answer !== undefined) await wire.send(answer);
    }),
  );
}
