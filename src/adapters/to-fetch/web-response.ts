import type { BodySource } from '../../messages/body-source.ts';
import type { Response } from '../../messages/response.ts';
import { decode } from '../../messages/text.ts';
import { OpenBody, WholeBody, type Delivery } from './delivery.ts';
import { lazyStreams, type LazyStream } from './lazy-stream.ts';

/** Makes a platform's response of one of ours, whose body it takes over. `isNull`: there is none, whatever the headers say. */
export type ToWeb = (response: Response, isNull: boolean) => globalThis.Response;

/** The highest status that the platform's constructor takes. */
const HIGHEST = 599;

/** What there is of the platform's class to build on: its types have properties where it has getters and methods of a prototype. */
declare class Base {
  constructor(body: Bytes | null, init: { status: number; statusText: string });
  get body(): Bytes | null;
  get bodyUsed(): boolean;
  get headers(): globalThis.Headers;
  clone(): globalThis.Response;
  text(): Promise<string>;
  json(): Promise<unknown>;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  formData(): Promise<FormData>;
}

type Bytes = ReadableStream<Uint8Array>;

/** The platform cancels the body of a copy that is garbage, though it has been put into another response: it lives as long as that. */
const copies = new WeakMap<object, globalThis.Response>();

/**
 * The platform's class, with what its constructor does not let one say (`url`, `redirected`, statuses from 600), and with shortcuts: `text`,
 * `json`, `arrayBuffer` and `bytes` get the body as it is, not through a stream. All else is the platform's own, so that whatever is done to
 * its responses can be done to these, by its own methods too.
 */
export function responsesOf(Platform: typeof globalThis.Response): ToWeb {
  class FetchResponse extends (Platform as unknown as typeof Base) {
    readonly #answer: Response;
    /** The body, as long as it is this one's alone. */
    #body: Body | null;

    constructor(answer: Response, stream: Bytes | null, body: Body | null) {
      super(stream, {
        status: Math.min(answer.status, HIGHEST),
        statusText: answer.statusText,
      });
      // A fifth of what it costs to give them to the constructor.
      const { headers } = this;
      for (const [name, value] of answer.headers) headers.append(name.toLowerCase(), value);
      if (answer.status > HIGHEST) Object.defineProperty(this, 'status', { value: answer.status });
      this.#answer = answer;
      this.#body = body;
    }

    override get body(): Bytes | null {
      return this.#body === null ? super.body : this.#body.stream.real;
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
      this.#body = null;
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

    override async blob(): Promise<Blob> {
      return this.#body === null ? super.blob() : this.#plain().blob();
    }

    override async formData(): Promise<FormData> {
      if (this.#body === null) return super.formData();
      // It is for the caller to know whose forms are parsed.
      // oxlint-disable-next-line typescript/no-deprecated
      return this.#plain().formData();
    }

    bytes(): Promise<Uint8Array<ArrayBuffer>> {
      return this.arrayBuffer().then((buffer) => new Uint8Array(buffer));
    }

    /** For what takes the stream itself. It throws where that is used or locked. */
    #plain(): globalThis.Response {
      return new Platform(this.body, { headers: this.headers });
    }

    /** All of the body, past the stream, which is used up by it; null where the platform is to do it, or to refuse. */
    #rest(): Promise<Uint8Array> | null {
      if (this.#body === null || this.bodyUsed || this.#body.stream.locked) return null;
      const bytes = this.#body.delivery.rest();
      this.#body.stream.spend();
      return bytes;
    }
  }
  // `response.constructor` is what programs make responses of their own with.
  Object.defineProperty(FetchResponse.prototype, 'constructor', { value: Platform });

  const made = (...parts: ConstructorParameters<typeof FetchResponse>): globalThis.Response =>
    new FetchResponse(...parts) as unknown as globalThis.Response;
  const Lazy = lazyStreams();
  const isLazy = takesLazy(Platform, () => new Lazy(new WholeBody(new Uint8Array(0))));

  return (response, isNull) => {
    if (isNull) return made(response, null, null);
    const delivery = deliveryOf(response.detach());
    const stream = new Lazy(delivery);
    try {
      return made(response, isLazy ? stream : stream.real, { delivery, stream });
    } catch (error) {
      void delivery.cancel();
      throw error;
    }
  };
}

interface Body {
  readonly delivery: Delivery;
  readonly stream: LazyStream;
}

/**
 * Whether the platform knows a stream by its prototype and uses it by its methods, as Node does up to 24. One that does not would take it for
 * text, or refuse to copy it.
 */
function takesLazy(Platform: typeof globalThis.Response, lazy: () => LazyStream): boolean {
  const [copied, used] = [lazy(), lazy()];
  try {
    new Platform(copied).clone();
    const response = new Platform(used);
    const isHeld = response.body === used && !response.bodyUsed;
    used.spend();
    return isHeld && response.bodyUsed;
  } catch {
    return false;
  }
}

function deliveryOf(body: BodySource | Uint8Array): WholeBody | OpenBody {
  return body instanceof Uint8Array ? new WholeBody(body) : new OpenBody(body);
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
