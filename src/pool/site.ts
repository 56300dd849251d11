import { LinkedList } from './linked-list.ts';
import type { Slot } from './slot.ts';
import type { Waiter } from './waiter.ts';

/** What a pool has for one origin. */
export class Site {
  readonly origin: string;
  /** Slots of this origin, whatever they are at. */
  slots = 0;
  /** Idle slots, the one that was used last at the end: it is the one least likely to have been closed by the server. */
  readonly idle: LinkedList<Slot> = new LinkedList();
  /** Busy slots that can take more, with pipelining. */
  readonly sharing: LinkedList<Slot> = new LinkedList();
  /** Requests for which a connection is being opened, in order of arrival. */
  readonly dialing: LinkedList<Waiter> = new LinkedList();
  /** Requests that wait behind the limits, in order of arrival. */
  readonly queue: LinkedList<Waiter> = new LinkedList();

  constructor(origin: string) {
    this.origin = origin;
  }

  get unused(): boolean {
    return this.slots === 0 && this.queue.length === 0;
  }
}
