import { getEventListeners } from 'node:events';
import t from 'tap';
import { isHTTPError } from '../../src/errors.ts';
import type { BodyInit } from '../../src/messages/body.ts';
import type { Response } from '../../src/messages/response.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { random, type Random } from '../support/random.ts';
import { Scheduler, ScriptedNetwork, type Stage } from '../support/scripted-network.ts';
import { turn } from '../support/clock.ts';

assertNoLeaks(t);

/** STRATA_SEED=n runs that one; STRATA_RUNS=n so many. */
const FIRST = Number(process.env['STRATA_SEED'] ?? 1);
const RUNS = Number(
  process.env['STRATA_RUNS'] ?? (process.env['STRATA_SEED'] === undefined ? 2000 : 1),
);

type Use = 'read' | 'pieces' | 'piece by piece' | 'close' | 'one piece';

const USES: readonly Use[] = ['read', 'pieces', 'piece by piece', 'close', 'one piece'];

/** Where requests were when they were aborted, over all runs. */
const abortedAt = new Map<Stage | 'queueing' | 'before' | 'drain' | 'in body', number>();
const outcomes = new Map<string, number>();
const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);

class Run {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly network: ScriptedNetwork;
  readonly pool: ConnectionPool;
  readonly shared = new AbortController();
  readonly signals: AbortSignal[] = [this.shared.signal];
  readonly problems: string[] = [];
  readonly uses = new Map<string, 'asked' | 'head' | 'body' | 'closing' | 'settled'>();
  #open = 0;

  constructor(seed: number) {
    this.random = random(seed);
    this.scheduler = new Scheduler(this.random);
    const { random: next } = this;
    this.network = new ScriptedNetwork(next, this.scheduler, next.pick([0, 0.05, 0.2]));
    const maxConnections = next.int(1, 3);
    this.pool = new ConnectionPool({
      network: this.network,
      timeout: 60_000,
      pipelining: next.pick([1, 1, 3]),
      limits: {
        maxConnections,
        maxConnectionsPerOrigin: next.pick([null, 1, 2]),
        maxKeepaliveConnections: next.int(0, 2),
        maxRequestsPerConnection: next.pick([null, null, 2]),
        maxQueue: next.pick([null, null, 3]),
      },
    });
  }

  async play(): Promise<string[]> {
    const requests = this.random.int(1, 10);
    for (let i = 0; i < requests; i++) this.scheduler.soon(() => void this.#request(`/${i}/`));
    if (this.random() < 0.1) this.scheduler.soon(() => this.pool.closeIdle());
    if (this.random() < 0.05) this.scheduler.soon(() => this.shared.abort(new Error('shared')));
    const closes = this.random() < 0.1;
    if (closes) {
      const force = this.random() < 0.5;
      this.scheduler.soon(() => void this.pool.close({ force }));
    }
    let patience = 300;
    while (!this.scheduler.idle || this.#open > 0) {
      if (!this.scheduler.idle) await this.scheduler.step();
      else if (patience-- > 0)
        await (patience < 290 ? new Promise((r) => setTimeout(r, 1)) : turn());
      else break;
    }
    if (this.#open > 0)
      this.problems.push(`${this.#open} requests hang: ${JSON.stringify([...this.uses])}`);
    await this.#settle();
    this.#check();
    await this.pool.close({ force: true });
    await this.#settle();
    if (this.network.streams.size > 0)
      this.problems.push(`${this.network.streams.size} streams are open`);
    return this.problems;
  }

  /** All that is still to happen happens. */
  async #settle(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      while (!this.scheduler.idle) await this.scheduler.step();
      await turn();
    }
  }

  #check(): void {
    const { connections, active, opening, idle, waiting } = this.pool.snapshot();
    const expected = `<ConnectionPool [0 active, ${connections.length} idle]>`;
    const state = `${active} active, ${opening} opening, ${idle} idle, ${waiting} waiting`;
    const printed = `<${this.pool.toString()}>`;
    const dialling = this.network.openings.size;
    if (idle !== connections.length || waiting > 0 || printed !== expected || dialling > 0)
      this.problems.push(
        `the pool is not at its baseline: ${state}; ${printed}; ${dialling} dials`,
      );
    if (this.network.streams.size !== connections.length)
      this.problems.push(
        `${this.network.streams.size} streams for ${connections.length} connections`,
      );
    const listeners = this.signals.flatMap((signal) => getEventListeners(signal, 'abort')).length;
    if (listeners > 0) this.problems.push(`${listeners} listeners are left on signals`);
  }

  async #request(path: string): Promise<void> {
    const { random: next } = this;
    this.#open++;
    this.uses.set(path, 'asked');
    const own = new AbortController();
    const signal = next.pick([own.signal, own.signal, this.shared.signal, null]);
    if (signal !== null) this.signals.push(signal);
    const reason = new Error('aborted');
    if (next() < 0.5) this.#abortSomeTime(path, own, reason, next.int(0, 12));
    const use = next.pick(USES);
    let outcome: string;
    try {
      const response = await this.pool.stream(
        next.pick(['GET', 'GET', 'HEAD', 'POST', 'PUT']),
        `http://${next.pick(['a', 'b'])}.test${path}`,
        { body: this.#body(), signal },
      );
      this.uses.set(path, 'head');
      if (use === 'close' && next() < 0.3) this.#abortSomeTime(path, own, reason, next.int(0, 2));
      outcome = await this.#consume(response, path, use);
    } catch (error) {
      if (error === reason || error === this.shared.signal.reason) outcome = 'aborted';
      else if (isHTTPError(error)) outcome = error.code;
      else {
        outcome = 'bug';
        this.problems.push(error instanceof Error ? String(error.stack) : String(error));
      }
    }
    count(outcomes, outcome);
    this.uses.set(path, 'settled');
    this.#open--;
  }

  /** After so many other things. */
  #abortSomeTime(path: string, controller: AbortController, reason: Error, after: number): void {
    if (after > 0) {
      this.scheduler.soon(() => this.#abortSomeTime(path, controller, reason, after - 1));
      return;
    }
    const use = this.uses.get(path);
    const dial = [...this.network.openings].at(-1)?.stage;
    const seen = this.network.stages.get(path);
    if (use === 'closing') count(abortedAt, 'drain');
    else if (use === 'body') count(abortedAt, 'in body');
    else if (seen !== undefined && use !== 'settled') count(abortedAt, seen);
    else if (use === 'asked') count(abortedAt, dial ?? 'queueing');
    if (use === 'asked' && this.pool.snapshot().waiting > 0) count(abortedAt, 'queueing');
    controller.abort(reason);
  }

  #body(): BodyInit | null {
    const { random: next, scheduler } = this;
    const pieces = next.int(1, 4);
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < pieces; i++) {
        await new Promise<void>((resolve) => scheduler.soon(resolve));
        yield new Uint8Array(60);
      }
    }
    return next.pick<() => BodyInit | null>([
      () => null,
      () => null,
      () => 'small',
      () => slowly(),
      () => ({ contentLength: 60 * pieces, replayable: true, stream: slowly }),
      () => new Uint8Array(300_000),
    ])();
  }

  async #consume(response: Response, path: string, use: Use): Promise<string> {
    const expected = response.status === 413 ? path : path.repeat(10);
    let text = '';
    if (use === 'read') {
      text = await response.text();
    } else if (use === 'close') {
      this.uses.set(path, 'closing');
      await response.close();
      return 'closed';
    } else {
      for await (const piece of response) {
        this.uses.set(path, 'body');
        text += Buffer.from(piece).toString();
        if (use === 'one piece') break;
        if (use === 'piece by piece')
          await new Promise<void>((resolve) => this.scheduler.soon(resolve));
      }
    }
    if (use === 'one piece' || response.request.method === 'HEAD') {
      if (!expected.startsWith(text)) this.problems.push(`${path}: another one's answer, ${text}`);
    } else if (text !== expected) {
      this.problems.push(`${path}: expected ${expected}, got ${text}`);
    }
    return `read, ${response.status}`;
  }
}

t.test(`${RUNS} random runs leave the pool as it was`, async (t) => {
  const broken: string[] = [];
  for (let seed = FIRST; seed < FIRST + RUNS && broken.length < 5; seed++) {
    for (const problem of await new Run(seed).play())
      broken.push(`STRATA_SEED=${seed}: ${problem}`);
  }
  t.strictSame(broken, []);
  if (RUNS < 1000) return;
  const stages = [
    'queueing',
    'resolving',
    'connecting',
    'handshaking',
    'head',
    'body',
    'waiting',
    'answering',
    'in body',
    'drain',
  ] as const;
  for (const stage of stages)
    t.ok((abortedAt.get(stage) ?? 0) > 20, `${abortedAt.get(stage)} aborted: ${stage}`);
  t.comment(JSON.stringify([...outcomes]));
});
