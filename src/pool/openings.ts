import { Alarm } from '../alarm.ts';
import { ConnectError, ConnectTimeoutError, ProxyError, type TransportError } from '../errors.ts';
import { connectionFailed } from '../exchange-timeline.ts';
import type { NetworkStream, Opening } from '../network/stream.ts';
import { ProxyFailure } from '../proxy/failure.ts';
import type { Slot } from './slot.ts';
import type { Target } from './targets.ts';
import type { Waiter } from './waiter.ts';

/** What becomes of an attempt to open a connection. One of the two comes, once, unless it is cancelled. */
export interface OpeningObserver {
  onOpened(slot: Slot, stream: NetworkStream): void;
  onOpenFailed(slot: Slot, cause: Error): void;
}

/** The attempts under way to open connections, one for each slot that is 'opening', and the connect timeouts that bound them. */
export class Openings {
  readonly #observer: OpeningObserver;
  readonly #running: Map<Slot, { readonly opening: Opening; readonly alarm: Alarm }> = new Map();

  constructor(observer: OpeningObserver) {
    this.#observer = observer;
  }

  begin(slot: Slot, { backend, network, proxy }: Target): void {
    let opening: Opening;
    try {
      opening = backend.open(network);
    } catch (error) {
      this.#observer.onOpenFailed(slot, error as Error);
      return;
    }
    const alarm = new Alarm(() => opening.cancel(new ConnectTimeout(proxy)));
    this.#running.set(slot, { opening, alarm });
    this.bound(slot);
    opening.stream.then(
      (stream) => {
        if (this.#end(slot, opening)) this.#observer.onOpened(slot, stream);
        else stream.destroy();
      },
      (error: unknown) => {
        connectionFailed(slot.site.origin, opening, error as Error);
        if (this.#end(slot, opening)) this.#observer.onOpenFailed(slot, error as Error);
      },
    );
  }

  /** An attempt is bound by the timeout of whoever waits for it. Where nobody does any more, the last bound stands. */
  bound(slot: Slot): void {
    const { waiter } = slot;
    const running = this.#running.get(slot);
    if (waiter === null || running === undefined) return;
    waiter.exchange.timeline?.opening(running.opening);
    running.alarm.set(waiter.since + waiter.exchange.timeouts.connect);
  }

  /** Nobody wants it any more. */
  cancel(slot: Slot, reason: Error): void {
    const opening = this.#running.get(slot)?.opening;
    if (opening !== undefined && this.#end(slot, opening)) opening.cancel(reason);
  }

  /** Whether it was still running. */
  #end(slot: Slot, opening: Opening): boolean {
    const running = this.#running.get(slot);
    if (running?.opening !== opening) return false;
    this.#running.delete(slot);
    running.alarm.stop();
    return true;
  }
}

/** The error of a request for which no connection could be opened. */
export function openingFailure({ exchange, site }: Waiter, cause: Error): TransportError {
  if (cause instanceof ConnectTimeout) {
    const message = `no connection to ${site.origin}${cause.by} for ${exchange.timeouts.connect} ms (connect timeout)`;
    return new ConnectTimeoutError(message, exchange.describe('connect'));
  }
  const message = `no connection: ${cause.message}`;
  if (cause instanceof ProxyFailure) {
    const { status } = cause;
    return new ProxyError(message, {
      ...exchange.describe('connect', { cause: cause.cause }),
      status,
    });
  }
  return new ConnectError(message, exchange.describe('connect', { cause }));
}

/** Why an attempt to connect was cancelled. */
class ConnectTimeout extends Error {
  /** For the message. */
  readonly by: string;

  constructor(proxy: Target['proxy']) {
    super('connect timeout');
    this.by = proxy === null ? '' : ` through the proxy ${proxy.toString()}`;
  }
}
