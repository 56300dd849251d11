import { Exchange, type Connection } from '../../src/exchange.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { DEFAULT_TIMEOUTS } from '../../src/messages/timeout.ts';
import { PoolCore } from '../../src/pool/core.ts';
import { resolveLimits, type PoolLimits } from '../../src/pool/limits.ts';
import type { Slot, SlotOwner } from '../../src/pool/slot.ts';
import type { Waiter } from '../../src/pool/waiter.ts';

/** An exchange for this path of this host; what becomes of it is of no interest here. */
export function exchangeFor(
  host: string,
  path = '/',
  init?: RequestInit,
  method = 'GET',
): Exchange {
  const request = new Request(method, `http://${host}.test${path}`, init);
  const exchange = new Exchange(request, DEFAULT_TIMEOUTS);
  exchange.promise?.catch(() => {});
  return exchange;
}

/** As much of a connection as the core looks at. */
export class PretendConnection {
  room = 1;
  /** Room beside an exchange that is under way. */
  depth = 0;
  current: Exchange | null = null;
  served = 0;
  keepAlive = { timeout: Infinity, max: Infinity };
  expiresAt: number | undefined;

  expireAt(at: number): void {
    this.expiresAt = at;
  }

  takes({ request }: Exchange): boolean {
    return request.method === 'GET';
  }
}

/** A core, and the pool around it played by the test: nothing happens but what is called for. Its clock stands still unless it is set. */
export class PretendPool {
  readonly core: PoolCore;
  now = 1000;
  readonly dropped: Waiter[] = [];

  /** Idle connections may be of no use to those who wait. */
  readonly #perOrigin: boolean;

  constructor(limits: PoolLimits = {}) {
    this.#perOrigin = typeof limits.maxConnectionsPerOrigin === 'number';
    const owner = {} as SlotOwner;
    this.core = new PoolCore(resolveLimits(limits), owner, (waiter) => this.dropped.push(waiter));
  }

  submit(exchange: Exchange): Waiter | 'full' | null {
    return this.core.submit(exchange, this.now);
  }

  /** What is owed, in words; and it counts as done. */
  owed(): string[] {
    const owed = this.core.owed.splice(0);
    return owed.map((each) => {
      if (each.do !== 'send') return `${each.do} ${each.slot.site.origin.slice(7, -5)}`;
      const connection = each.slot.connection as unknown as PretendConnection | null;
      if (connection !== null) {
        connection.served++;
        connection.room = connection.current === null ? connection.depth : connection.room - 1;
        connection.current ??= each.exchange;
      }
      return `send ${each.exchange.request.target}`;
    });
  }

  /** Slots in the order in which they were made. */
  get slots(): Slot[] {
    return [...this.core.slots];
  }

  /** The attempt of this slot succeeds. */
  open(slot: Slot): PretendConnection {
    const connection = new PretendConnection();
    slot.connection = connection as unknown as Connection;
    this.core.opened(slot, this.now);
    return connection;
  }

  /** What this slot was sent last is out: there is room behind it. */
  offer(slot: Slot): void {
    this.core.available(slot, this.now);
  }

  /** The exchange of this slot has ended. */
  end(slot: Slot): void {
    const connection = slot.connection as unknown as PretendConnection;
    connection.room = 1;
    connection.current = null;
    this.core.available(slot, this.now);
  }

  /** `n` connections to this host, idle, the first one longest. */
  idle(host: string, n: number): Slot[] {
    const before = new Set(this.core.slots);
    for (let i = 0; i < n; i++) this.submit(exchangeFor(host));
    const made = this.slots.filter((slot) => !before.has(slot));
    for (const slot of made) this.open(slot);
    this.owed();
    for (const slot of made) {
      this.now++;
      this.end(slot);
    }
    this.owed();
    return made;
  }

  /** What has to be so at all times. */
  problems(): string[] {
    const { core } = this;
    const states = this.slots.map(({ state }) => state);
    const idle = states.filter((state) => state === 'idle').length;
    const waiters = [...core.waiters()];
    const dialled = this.slots.filter(({ waiter }) => waiter !== null).length;
    const checks: readonly [string, boolean][] = [
      ['slots are idle or working', core.slots.size === core.idle + core.working],
      ['idle is what is idle', core.idle === idle],
      ['no slot is free', !states.includes('free')],
      ['who waits is in the queue or dialled for', waiters.length === core.waiting + dialled],
      ['none waits that could be served', core.idle === 0 || core.waiting === 0 || this.#perOrigin],
    ];
    return checks.filter(([, holds]) => !holds).map(([what]) => `not so: ${what}`);
  }
}
