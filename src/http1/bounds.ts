import type { Alarm } from '../alarm.ts';
import type { ResolvedTimeouts } from '../messages/timeout.ts';
import type { Arrival } from './arrival.ts';
import type { Sender } from './sender.ts';

/** Which bound in time is in force where an exchange is: that of the sending while that goes on, else that of the silence. */
export class Bounds {
  readonly #alarm: Alarm;
  readonly #sender: Sender;
  readonly #arrival: Arrival;

  constructor(alarm: Alarm, sender: Sender, arrival: Arrival) {
    this.#alarm = alarm;
    this.#sender = sender;
    this.#arrival = arrival;
  }

  /** Sets the alarm anew: something has happened. */
  set(now: number, timeouts: ResolvedTimeouts): void {
    if (this.#sender.waiting) this.#alarm.set(this.#sender.deadline(now, timeouts));
    // A reader that takes its time is not the server's fault.
    else if (this.#arrival.body?.paused === true) this.#alarm.clear();
    else this.#alarm.set(now + timeouts.read);
  }

  /** The alarm rang: answers the timeout that is over, or sets it anew. */
  look(now: number, timeouts: ResolvedTimeouts): 'read' | 'write' | null {
    if (!this.#sender.waiting) return 'read';
    if (this.#sender.look(now, timeouts) === 'stuck') return 'write';
    this.set(now, timeouts);
    return null;
  }
}
