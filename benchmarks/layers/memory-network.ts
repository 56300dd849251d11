import type { NetworkBackend, NetworkStream, StreamReceiver } from '../../src/index.ts';
import type { Answer } from './answers.ts';

/**
 * A network without sockets: each request is answered in the next turn of the event loop. Kernel and server cost
 * nothing, so that what a layer costs is not lost in them.
 */
export function memoryNetwork(answer: Answer): NetworkBackend {
  const turn = new Turn(answer);
  return {
    open: () => ({
      stream: Promise.resolve(new MemoryStream((stream, head) => turn.add(stream, head))),
      cancel() {},
    }),
  };
}

/** The requests that are answered together, as those are that one look at the sockets finds. */
class Turn {
  readonly #answer: Answer;
  #waiting: { readonly stream: MemoryStream; readonly answer: Uint8Array }[] = [];

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  add(stream: MemoryStream, head: string): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#end());
    this.#waiting.push({ stream, answer: this.#answerTo(head) });
  }

  #answerTo(head: string): Uint8Array {
    if (typeof this.#answer !== 'function') return this.#answer;
    const [, target = ''] = head.split(' ', 2);
    return this.#answer(target);
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { stream, answer } of waiting) stream.deliver(answer);
  }
}

/** A stream whose every write is a whole request, as those without a body are. */
class MemoryStream implements NetworkStream {
  readonly remoteAddress = '127.0.0.1:80';
  readonly tls = null;
  readonly timings = { started: 0, resolved: undefined, connected: 0, secured: undefined };
  readonly bytesPending = 0;
  readonly #onRequest: (stream: MemoryStream, head: string) => void;
  #receiver: StreamReceiver | undefined;
  #buffer: Uint8Array = new Uint8Array();

  constructor(onRequest: (stream: MemoryStream, head: string) => void) {
    this.#onRequest = onRequest;
  }

  attach(receiver: StreamReceiver): void {
    this.#receiver = receiver;
    this.#buffer = receiver.nextBuffer() ?? new Uint8Array(65_536);
  }

  write(data: string | Uint8Array): boolean {
    this.#onRequest(this, String(data));
    return true;
  }

  deliver(answer: Uint8Array): void {
    this.#buffer.set(answer);
    this.#receiver?.onBytes(this.#buffer, answer.length);
    this.#buffer = this.#receiver?.nextBuffer() ?? this.#buffer;
  }

  destroy(): void {
    this.#receiver?.onClose(undefined);
  }

  end(): void {}
  cork(): void {}
  uncork(): void {}
  resume(): void {}
  ref(): void {}
  unref(): void {}
}
