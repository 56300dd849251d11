import { createHook } from 'node:async_hooks';
import { Server, Socket } from 'node:net';
import { after, turn } from './clock.ts';

/** What a test of tap offers, as far as it matters here. */
interface Teardown {
  teardown(check: () => Promise<void>): unknown;
}

/**
 * Makes a test file (or one test) fail if it leaves anything behind: a socket, a server, a timer,
 * a file, a process, a rejection nobody handled, or a process warning. Call it first, since
 * teardowns run last to first:
 *
 *     import t from 'tap';
 *     import { assertNoLeaks } from './support/leaks.ts';
 *
 *     assertNoLeaks(t);
 *
 * `allow` names what may stay, by patterns for the lines of the failure. What was found is then
 * released, so that the file ends by its failure and not by a timeout.
 */
export function assertNoLeaks(
  t: Teardown,
  { allow = [] }: { allow?: readonly RegExp[] } = {},
): void {
  const watch = new LeakWatch();
  t.teardown(async () => {
    const leaks = await watch.end(allow);
    if (leaks.length > 0) throw new Error(['left behind:', ...leaks].join('\n  '));
  });
}

/** Handles that are open until somebody closes them, by their names as async resources. */
const WATCHED = new Set([
  'FILEHANDLE',
  'FSEVENTWRAP',
  'Immediate',
  'PIPESERVERWRAP',
  'PIPEWRAP',
  'PROCESSWRAP',
  'STATWATCHER',
  'TCPSERVERWRAP',
  'TCPWRAP',
  'Timeout',
  'UDPWRAP',
  'WORKER',
]);

/** Closing a socket takes some turns of the event loop; this is long enough for hundreds. */
const GRACE_MS = 500;

/**
 * Watches what is opened from now on. It looks at async resources rather than at
 * `process.getActiveResourcesInfo()`, which knows neither what is unref'd nor who opened it.
 */
export class LeakWatch {
  readonly #open = new Map<number, Resource>();
  readonly #incidents: string[] = [];
  #opening = true;

  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      if (this.#opening && WATCHED.has(type)) this.#open.set(id, new Resource(type, resource));
    },
    destroy: (id) => {
      this.#open.delete(id);
    },
  });

  readonly #onWarning = (warning: Error): void => {
    this.#incidents.push(`warning ${warning.stack}`);
  };

  readonly #onRejection = (reason: unknown): void => {
    const what = reason instanceof Error ? reason.stack : undefined;
    this.#incidents.push(`unhandled rejection ${what ?? String(reason)}`);
  };

  constructor() {
    void process.stdout; // opened when first used, and that is no leak
    void process.stderr;
    process.on('warning', this.#onWarning);
    process.on('unhandledRejection', this.#onRejection);
    this.#hook.enable();
  }

  /** Stops watching; resolves to a line on each thing that stayed, and releases it. */
  async end(allow: readonly RegExp[] = []): Promise<string[]> {
    this.#opening = false;
    const isAllowed = (line: string): boolean => allow.some((pattern) => pattern.test(line));
    const leaked = (): Resource[] =>
      [...this.#open.values()].filter((left) => left.isLeak && !isAllowed(left.toString()));
    let patient = true;
    const cancel = after(GRACE_MS, () => {
      patient = false;
    });
    do await turn();
    while (patient && leaked().length > 0);
    cancel();
    const left = leaked();
    const lines = [...left.map(String), ...this.#incidents.filter((line) => !isAllowed(line))];
    this.#hook.disable();
    process.off('warning', this.#onWarning);
    process.off('unhandledRejection', this.#onRejection);
    for (const resource of left) resource.release();
    return lines;
  }
}

/** Something open, who opened it, and how to close it. */
class Resource {
  readonly #type: string;
  readonly #resource: object;
  readonly #opened = new Error();

  constructor(type: string, resource: object) {
    this.#type = type;
    this.#resource = resource;
  }

  get isLeak(): boolean {
    // Its async resource lives on after a file is closed.
    if (this.#type === 'FILEHANDLE') return (this.#resource as { fd: number }).fd >= 0;
    // Node's own modules keep unref'd timers. One of ours is as much a leak as any other.
    if (isTimer(this.#resource))
      return this.#resource.hasRef() || this.#frames().slice(0, 1).some(isOurs);
    return true;
  }

  toString(): string {
    const opener = this.#frames().find((frame) => !frame.includes('node:'));
    return `${this.#name()}, opened ${opener ?? 'by Node'}`;
  }

  release(): void {
    const owner = this.#owner();
    if (isTimer(this.#resource)) clearTimeout(this.#resource);
    else if (owner instanceof Socket) owner.destroy();
    else if (owner instanceof Server) owner.close();
    else (this.#resource as { unref?: () => void }).unref?.();
  }

  #name(): string {
    const owner = this.#owner();
    if (owner instanceof Socket) {
      const { localAddress, localPort, remoteAddress, remotePort } = owner;
      return `socket ${localAddress}:${localPort} → ${remoteAddress}:${remotePort}`;
    }
    if (owner instanceof Server) return `server at ${JSON.stringify(owner.address())}`;
    if (isTimer(this.#resource)) return `timer of ${this.#resource._idleTimeout} ms`;
    return this.#type;
  }

  /** Node keeps a handle's JavaScript object under a symbol. */
  #owner(): unknown {
    const symbols = Object.getOwnPropertySymbols(this.#resource);
    const owner = symbols.find((symbol) => symbol.description === 'owner_symbol');
    return owner && (this.#resource as Record<symbol, unknown>)[owner];
  }

  /** The stack that opened it, from the caller of Node's function on. */
  #frames(): string[] {
    const frames = String(this.#opened.stack).split('\n').slice(1);
    const outside = frames.findIndex((frame) => !OPENING.test(frame));
    return outside < 0 ? [] : frames.slice(outside).map((frame) => frame.trim());
  }
}

/** Frames between an opener and `Resource`: ours, those of the hook, those of the timers. */
const OPENING = /support[/\\]leaks\.[jt]s|node:(?:internal\/)?(?:async_hooks|timers)/;

const isOurs = (frame: string): boolean =>
  /[/\\]src[/\\]/.test(frame) && !frame.includes('node_modules');

type Timer = NodeJS.Timeout & { readonly _idleTimeout: number };

const isTimer = (resource: object): resource is Timer => '_idleTimeout' in resource;
