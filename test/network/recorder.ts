import type { NetworkStream, StreamReceiver } from '../../src/network/stream.ts';
import { Condition } from '../support/condition.ts';

export interface RecorderOptions {
  /** Where to read to; asked as `nextBuffer` is. */
  readonly nextBuffer?: () => Uint8Array | undefined;
  /** Called for each delivery, before it is noted; what it returns is the answer. Default: true. */
  readonly onBytes?: (buffer: Uint8Array, length: number) => boolean | undefined;
}

/** A receiver that notes what it is told, and lets a test wait for it. */
export class Recorder implements StreamReceiver {
  /** `bytes 5`, `drain`, `end`, `close` or `close: why`, in the order in which they came. */
  readonly events: string[] = [];
  text = '';
  /** The memory of each delivery. */
  readonly buffers: Uint8Array[] = [];
  error: Error | undefined;
  readonly #options: RecorderOptions;
  readonly #changed = new Condition();

  constructor(options: RecorderOptions = {}) {
    this.#options = options;
  }

  static attachTo(stream: NetworkStream, options?: RecorderOptions): Recorder {
    const recorder = new Recorder(options);
    stream.attach(recorder);
    return recorder;
  }

  onBytes(buffer: Uint8Array, length: number): boolean {
    this.buffers.push(buffer);
    this.text += Buffer.from(buffer.subarray(0, length)).toString('latin1');
    this.#note(`bytes ${length}`);
    return this.#options.onBytes?.(buffer, length) ?? true;
  }

  nextBuffer(): Uint8Array | undefined {
    return this.#options.nextBuffer?.();
  }

  onDrain(): void {
    this.#note('drain');
  }

  onEnd(): void {
    this.#note('end');
  }

  onClose(error: Error | undefined): void {
    this.error = error;
    this.#note(error === undefined ? 'close' : `close: ${error.message}`);
  }

  async received(text: string): Promise<void> {
    await this.#changed.until(() => this.text.includes(text) || undefined);
  }

  async receivedBytes(count: number): Promise<void> {
    await this.#changed.until(() => this.text.length >= count || undefined);
  }

  /** Resolves when an event that begins like this has come. */
  async event(start: string): Promise<void> {
    await this.#changed.until(() => this.events.find((each) => each.startsWith(start)));
  }

  /** The events without those that are about bytes. */
  get milestones(): string[] {
    return this.events.filter((each) => !each.startsWith('bytes'));
  }

  #note(event: string): void {
    this.events.push(event);
    this.#changed.changed();
  }
}
