export type Header = readonly [name: string, value: string];

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** `'1.1'` */
  readonly httpVersion: string;
  /** In the order and the case in which they came. */
  readonly headers: readonly Header[];
  /** The head as it came, its empty line included. */
  readonly rawHead: string;
}

export type RequestEvent =
  | { readonly type: 'head'; readonly head: RequestHead }
  | { readonly type: 'chunk'; readonly size: number }
  | { readonly type: 'data'; readonly bytes: Buffer }
  | { readonly type: 'end'; readonly trailers: readonly Header[] };

/** What came is not an HTTP/1.1 request. Under test that is the client's fault, never bad luck. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
}

/**
 * Reads requests out of bytes that arrive in any portions, without I/O. It is stricter than a
 * server of the world would be: it judges what our own client sends.
 */
export class RequestReader {
  #unread: Buffer = Buffer.alloc(0);
  readonly #events = this.#read();

  /** The events these bytes complete. Stop early, and `rest()` has what was not looked at. */
  *feed(bytes: Buffer): Generator<RequestEvent, void> {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const { value: event } = this.#events.next();
      if (event === undefined) return;
      yield event;
    }
  }

  /** Takes away the bytes that belong to no event yet. */
  rest(): Buffer {
    return this.#take(this.#unread.length);
  }

  // A coroutine, so that a message is read top to bottom; a yielded `undefined` asks for bytes.
  *#read(): Generator<RequestEvent | undefined, never> {
    for (;;) {
      const head = parseHead(yield* this.#through('\r\n\r\n'));
      yield { type: 'head', head };
      const framing = framingOf(head);
      if (framing !== 'chunked') {
        yield* this.#data(framing);
        yield { type: 'end', trailers: [] };
        continue;
      }
      for (;;) {
        const size = parseChunkSize(yield* this.#line());
        if (size === 0) break;
        yield { type: 'chunk', size };
        yield* this.#data(size);
        const end = yield* this.#line();
        if (end !== '') throw new MalformedRequest(`a chunk of ${size} bytes goes on: "${end}"`);
      }
      const trailers: Header[] = [];
      for (let line = yield* this.#line(); line !== ''; line = yield* this.#line()) {
        trailers.push(parseField(line));
      }
      yield { type: 'end', trailers };
    }
  }

  *#data(size: number): Generator<RequestEvent | undefined, void> {
    let missing = size;
    while (missing > 0) {
      if (this.#unread.length === 0) {
        yield undefined;
        continue;
      }
      const bytes = this.#take(Math.min(missing, this.#unread.length));
      missing -= bytes.length;
      yield { type: 'data', bytes };
    }
  }

  *#through(mark: string): Generator<undefined, string> {
    for (;;) {
      const at = this.#unread.indexOf(mark, 0, 'latin1');
      if (at >= 0) return this.#take(at + mark.length).toString('latin1');
      yield undefined;
    }
  }

  *#line(): Generator<undefined, string> {
    return (yield* this.#through('\r\n')).slice(0, -2);
  }

  #take(size: number): Buffer {
    const taken = this.#unread.subarray(0, size);
    this.#unread = this.#unread.subarray(size);
    return taken;
  }
}

// RFC 9112 §3: request-line = method SP request-target SP HTTP-version
const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/;
// RFC 9112 §5: field-line = field-name ":" OWS field-value OWS, and nothing before the colon
const FIELD_LINE = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
// RFC 9112 §7.1: chunk-size [ chunk-ext ]
const CHUNK_LINE = /^([\da-f]+)(?:[ \t]*;.*)?$/i;

function parseHead(rawHead: string): RequestHead {
  const [requestLine = '', ...fields] = rawHead.slice(0, -4).split('\r\n');
  const [, method, target, httpVersion] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined || httpVersion === undefined) {
    throw new MalformedRequest(`not a request line: ${JSON.stringify(requestLine)}`);
  }
  return { method, target, httpVersion, headers: fields.map(parseField), rawHead };
}

function parseField(line: string): Header {
  const [, name, value] = FIELD_LINE.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new MalformedRequest(`not a field line: ${JSON.stringify(line)}`);
  }
  return [name, value];
}

function parseChunkSize(line: string): number {
  const [, size] = CHUNK_LINE.exec(line) ?? [];
  if (size === undefined) throw new MalformedRequest(`not a chunk size: ${JSON.stringify(line)}`);
  return Number.parseInt(size, 16);
}

/** RFC 9112 §6.3, for requests: chunked, or the length, or no body. */
function framingOf({ headers, method, target }: RequestHead): 'chunked' | number {
  const named = (wanted: string): string[] =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const codings = named('transfer-encoding');
  const lengths = named('content-length');
  if (codings.length + lengths.length > 1) {
    throw new MalformedRequest(`${method} ${target} has its body framed more than once`);
  }
  const [coding] = codings;
  const [length = '0'] = lengths;
  if (coding !== undefined && !/(?:^|,)[ \t]*chunked$/i.test(coding)) {
    throw new MalformedRequest(`${method} ${target} has a body without end: ${coding}`);
  }
  if (!/^\d+$/.test(length)) throw new MalformedRequest(`not a length: ${JSON.stringify(length)}`);
  return coding === undefined ? Number(length) : 'chunked';
}
