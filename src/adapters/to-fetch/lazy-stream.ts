import { OpenBody, type Delivery } from './delivery.ts';

type Bytes = ReadableStream<Uint8Array>;

/**
 * The stream of a response, made when it is first asked for: most are never, since `text` and `json` go past it, and on Node 20 it costs
 * more than the rest of the response. The platform's `Response` holds this in its place, and uses of it what a stream has for everybody.
 */
export interface LazyStream extends Bytes {
  /** The stream itself. */
  readonly real: Bytes;
  /** It is locked and used up from now on, though nothing was read from it. */
  spend(): void;
}

/** How Node asks whether a stream has been read from, has failed, can be read. */
const DISTURBED = Symbol.for('nodejs.stream.disturbed');
const ERRORED = Symbol.for('nodejs.stream.errored');
const READABLE = Symbol.for('nodejs.stream.readable');

/** A class of them, each a `ReadableStream` by its prototype. */
export function lazyStreams(): new (delivery: Delivery) => LazyStream {
  class Lazy {
    readonly #delivery: Delivery;
    #real: Bytes | null = null;
    #isSpent = false;

    constructor(delivery: Delivery) {
      this.#delivery = delivery;
      if (delivery instanceof OpenBody) delivery.watch(this);
    }

    get real(): Bytes {
      if (this.#real !== null) return this.#real;
      this.#real = streamFrom(this.#delivery);
      // Whoever has the stream may have nothing else any more.
      if (this.#delivery instanceof OpenBody) this.#delivery.watch(this.#real);
      if (this.#isSpent) void this.#real.getReader().cancel();
      return this.#real;
    }

    spend(): void {
      this.#isSpent = true;
      if (this.#real !== null) void this.#real.getReader().cancel();
    }

    get locked(): boolean {
      return this.#real === null ? this.#isSpent : this.#real.locked;
    }

    get [DISTURBED](): unknown {
      return this.#real === null ? this.#isSpent : this.#ask(DISTURBED);
    }

    get [ERRORED](): unknown {
      return this.#real === null ? false : this.#ask(ERRORED);
    }

    get [READABLE](): unknown {
      return this.#real === null ? !this.#isSpent : this.#ask(READABLE);
    }

    #ask(question: symbol): unknown {
      return (this.real as unknown as Record<symbol, unknown>)[question];
    }
  }
  for (const name of METHODS) {
    const value = function (this: LazyStream, ...parameters: unknown[]): unknown {
      const { real } = this;
      return (real as unknown as Record<PropertyKey, (...each: unknown[]) => unknown>)[name]!(
        ...parameters,
      );
    };
    Object.defineProperty(Lazy.prototype, name, { value });
  }
  Object.setPrototypeOf(Lazy.prototype, ReadableStream.prototype);
  return Lazy as unknown as new (delivery: Delivery) => LazyStream;
}

const METHODS: readonly PropertyKey[] = [
  'cancel',
  'getReader',
  'pipeThrough',
  'pipeTo',
  'tee',
  'values',
  Symbol.asyncIterator,
];

/** A stream of bytes, as fetch's are. It asks for a piece when it is read from, and not ahead. */
function streamFrom(delivery: Delivery): Bytes {
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      let piece = await delivery.pull();
      while (piece?.byteLength === 0) piece = await delivery.pull();
      if (piece !== null) {
        // A copy: what a stream of bytes is given, it takes away from everybody else, with the whole buffer behind it.
        controller.enqueue(new Uint8Array(piece));
        return;
      }
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: () => delivery.cancel(),
  });
}
