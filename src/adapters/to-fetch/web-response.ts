import type { BodySource } from '../../messages/body-source.ts';
import type { Response } from '../../messages/response.ts';
import { decode } from '../../messages/text.ts';
import { OpenBody, WholeBody, type Delivery } from './delivery.ts';

/** Makes a platform's response of one of ours, whose body it takes over. `isNull`: there is none, whatever the headers say. */
export type ToWeb = (response: Response, isNull: boolean) => globalThis.Response;

/** The highest status that the platform's constructor takes. */
const HIGHEST = 599;

/** What there is of the platform's class to build on: getters and methods of a prototype, which its types have as properties. */
type Base = new (
  body: ReadableStream<Uint8Array> | null,
  init: { status: number; statusText: string },
) => {
  readonly headers: globalThis.Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
  clone(): globalThis.Response;
  text(): Promise<string>;
  json(): Promise<unknown>;
  arrayBuffer(): Promise<ArrayBuffer>;
};

/** The platform cancels the body of a copy that is garbage, though it has been put into another response: it lives as long as that. */
const copies = new WeakMap<object, globalThis.Response>();

/**
 * The platform's class, with what its constructor does not let one say (`url`, `redirected`, statuses from 600), and with shortcuts: `text`,
 * `json`, `arrayBuffer` and `bytes` get the body as it is, not through a stream. All else is the platform's own, so that whatever is done to
 * its responses can be done to these, by its own methods too.
 */
export function responsesOf(Platform: typeof globalThis.Response): ToWeb {
  class FetchResponse extends (Platform as unknown as Base) {
    readonly #answer: Response;
    readonly #stream: ReadableStream<Uint8Array> | null;
    /** What the stream reads from; null where that is not this one's alone. */
    #delivery: Delivery | null;

    constructor(
      answer: Response,
      stream: ReadableStream<Uint8Array> | null,
      delivery: Delivery | null,
    ) {
      super(stream, {
        status: Math.min(answer.status, HIGHEST),
        statusText: answer.statusText,
      });
      // A fifth of what it costs to give them to the constructor.
      const { headers } = this;
      for (const [name, value] of answer.headers) headers.append(name.toLowerCase(), value);
      if (answer.status > HIGHEST) Object.defineProperty(this, 'status', { value: answer.status });
      this.#answer = answer;
      this.#stream = stream;
      this.#delivery = delivery;
    }

    get url(): string {
      if (!this.#answer.hasRequest) return '';
      const { origin, target } = this.#answer.request;
      return origin + target;
    }

    get redirected(): boolean {
      return this.#answer.redirected;
    }

    get type(): 'basic' {
      return 'basic';
    }

    override clone(): globalThis.Response {
      const copy = super.clone();
      this.#delivery = null;
      const response = made(this.#answer, copy.body, null);
      copies.set(response, copy);
      return response;
    }

    override text(): Promise<string> {
      return this.#rest()?.then(utf8) ?? super.text();
    }

    override json(): Promise<unknown> {
      return this.#rest()?.then(parsed) ?? super.json();
    }

    override arrayBuffer(): Promise<ArrayBuffer> {
      return this.#rest()?.then(bufferOf) ?? super.arrayBuffer();
    }

    bytes(): Promise<Uint8Array<ArrayBuffer>> {
      return this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
    }

    /** All of the body, past the stream, which is used up by it; null where the platform is to do it, or to refuse. */
    #rest(): Promise<Uint8Array> | null {
      const delivery = this.#delivery;
      if (delivery === null || this.#stream === null) return null;
      if (this.bodyUsed || this.#stream.locked) return null;
      this.#delivery = null;
      const bytes = delivery.rest();
      void this.#stream.getReader().cancel();
      return bytes;
    }
  }
  // `response.constructor` is what programs make responses of their own with.
  Object.defineProperty(FetchResponse.prototype, 'constructor', { value: Platform });

  const made = (...parts: ConstructorParameters<typeof FetchResponse>): globalThis.Response =>
    new FetchResponse(...parts) as unknown as globalThis.Response;

  return (response, isNull) => {
    if (isNull) return made(response, null, null);
    const delivery = deliveryOf(response.detach());
    const stream = streamFrom(delivery);
    if (delivery instanceof OpenBody) delivery.watch(stream);
    try {
      return made(response, stream, delivery);
    } catch (error) {
      void delivery.cancel();
      throw error;
    }
  };
}

function deliveryOf(body: BodySource | Uint8Array): WholeBody | OpenBody {
  return body instanceof Uint8Array ? new WholeBody(body) : new OpenBody(body);
}

/** A stream of bytes, as fetch's are. It asks for a piece when it is read from, and not ahead. */
function streamFrom(delivery: Delivery): ReadableStream<Uint8Array> {
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

function utf8(bytes: Uint8Array): string {
  return decode(bytes, 'utf-8');
}

function parsed(bytes: Uint8Array): unknown {
  return JSON.parse(utf8(bytes));
}

/** A copy: the bytes may be a part of a buffer that others have parts of, or be kept by whoever made the response. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
