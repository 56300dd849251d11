import type { StreamReceiver } from './stream.ts';

/**
 * Where the delivery stands. Bytes are handed out in `flowing` only; in `waiting` (no receiver yet) and `stopped` (the
 * receiver answered false) what still comes is kept. After `closing` only `onClose` is to come.
 */
type Flow = 'waiting' | 'flowing' | 'stopped' | 'closing' | 'closed';

/**
 * The receiving half of a stream, whatever its source: hands bytes and events to the receiver in the order in which they came,
 * in the memory that the receiver asked for, and loses nothing while there is no receiver or while it holds back.
 * An exception of the receiver destroys the stream and goes no further.
 */
export abstract class Inbound {
  #flow: Flow = 'waiting';
  #receiver: StreamReceiver | undefined;
  /** The last answer of `nextBuffer`. */
  #memory: Uint8Array | undefined;
  /** Came while they could not be handed out; ours to keep. Never an empty list. */
  #held: Uint8Array[] | undefined;
  #end: 'none' | 'due' | 'told' = 'none';
  #closeDue = false;
  #error: Error | undefined;

  attach(receiver: StreamReceiver): void {
    this.#receiver = receiver;
    if (this.#flow === 'closed') this.#closeDue = true;
    else if (this.#flow !== 'closing') {
      this.#flow = 'flowing';
      this.#ask(receiver);
    }
    this.#continue();
  }

  resume(): void {
    if (this.#flow !== 'stopped') return;
    this.#flow = 'flowing';
    this.#continue();
  }

  /** Makes the source read on, where it was told to stop. */
  protected abstract startReading(): void;

  /** Closes the source because of `error`, which is what `closed` is to be called with. */
  protected abstract fail(error: Error): void;

  /** The memory that the source is to read into, if the receiver gave any. */
  protected get memory(): Uint8Array | undefined {
    return this.#memory;
  }

  /** Bytes came, in memory that may change afterwards. False: the source shall stop reading until `startReading`. */
  protected take(buffer: Uint8Array, length: number): boolean {
    const receiver = this.#receiver;
    if (
      receiver !== undefined &&
      this.#flow === 'flowing' &&
      this.#held === undefined &&
      (this.#memory === undefined || this.#memory === buffer)
    ) {
      return this.#deliver(receiver, buffer, length);
    }
    return !this.#isOver && this.takeOwned(new Uint8Array(buffer.subarray(0, length)));
  }

  /** As `take`, for a chunk that nobody else will write to. */
  protected takeOwned(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    if (this.#held === undefined) this.#held = [chunk];
    else this.#held.push(chunk);
    this.#flush();
    return this.#flow === 'flowing';
  }

  /** The peer will send no more. */
  protected ended(): void {
    if (this.#end === 'none') this.#end = 'due';
    this.#tellTheRest();
  }

  protected drained(): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#isOver) return;
    try {
      receiver.onDrain();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** The source is gone. Does nothing the second time. */
  protected closed(error: Error | undefined): void {
    if (this.#closeDue || this.#flow === 'closed') return;
    this.#closeDue = true;
    this.#error = error;
    this.#tellTheRest();
  }

  /** We close: what came and was not handed out is of no interest any more. */
  protected drop(): void {
    if (this.#flow === 'closed') return;
    this.#flow = 'closing';
    this.#held = undefined;
    this.#memory = undefined;
  }

  /** The source is somebody else's now: nothing more is told, not even the close. */
  protected silence(): void {
    this.drop();
    this.#flow = 'closed';
    this.#receiver = undefined;
  }

  /** Whether every byte that came has been handed out. */
  protected get isDelivered(): boolean {
    return this.#held === undefined;
  }

  get #isOver(): boolean {
    return this.#flow === 'closing' || this.#flow === 'closed';
  }

  /** In a later microtask where there is something to tell: nobody is called back out of his own `attach` or `resume`. */
  #continue(): void {
    if (this.#held === undefined && this.#end !== 'due' && !this.#closeDue) this.#read();
    else {
      queueMicrotask(() => {
        this.#flush();
        this.#read();
      });
    }
  }

  #read(): void {
    if (this.#flow === 'flowing' && this.#held === undefined) this.startReading();
  }

  #flush(): void {
    while (this.#held !== undefined && this.#flow === 'flowing' && this.#receiver !== undefined) {
      const held = this.#held;
      const chunk = held[0] as Uint8Array;
      const memory = this.#memory ?? chunk;
      const length = Math.min(chunk.length, memory.length);
      if (memory !== chunk) memory.set(chunk.subarray(0, length));
      if (length < chunk.length) held[0] = chunk.subarray(length);
      else if (held.length > 1) held.shift();
      else this.#held = undefined;
      this.#deliver(this.#receiver, memory, length);
    }
    this.#tellTheRest();
  }

  #deliver(receiver: StreamReceiver, buffer: Uint8Array, length: number): boolean {
    try {
      const more = receiver.onBytes(buffer, length);
      // It may have destroyed the stream meanwhile, or attached another receiver, which then has been asked already.
      if (this.#receiver === receiver && this.#flow === 'flowing') {
        if (!more) this.#flow = 'stopped';
        this.#ask(receiver);
      }
    } catch (error) {
      this.#fault(error);
    }
    return this.#flow === 'flowing';
  }

  #ask(receiver: StreamReceiver): void {
    try {
      const next = receiver.nextBuffer();
      if (next === undefined) return;
      if (next.length === 0)
        throw new RangeError('nextBuffer() answered an empty buffer: nothing can be read into it');
      this.#memory = next;
    } catch (error) {
      this.#fault(error);
    }
  }

  /** The end, then the close, once nothing is before them. */
  #tellTheRest(): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#held !== undefined) return;
    if (this.#end === 'due' && !this.#isOver) {
      this.#end = 'told';
      try {
        receiver.onEnd();
      } catch (error) {
        this.#fault(error);
      }
    }
    if (!this.#closeDue) return;
    this.#closeDue = false;
    this.#flow = 'closed';
    this.#memory = undefined;
    try {
      this.#receiver?.onClose(this.#error);
    } catch {
      // Its contract is not to throw, the stream is gone already, and there is nobody left to be told.
    }
  }

  #fault(thrown: unknown): void {
    this.drop();
    const error =
      thrown instanceof Error ? thrown : new Error(`the stream's receiver threw ${String(thrown)}`);
    this.fail(error);
  }
}
