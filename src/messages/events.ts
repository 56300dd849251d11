import { byteBound, ByteLines, lineText } from './byte-lines.ts';
import type { Response } from './response.ts';
import { undecodable } from './undecodable.ts';

/** One server-sent event. The names are those that a browser's `EventSource` has for it. */
export interface ServerSentEvent {
  /** What `event:` says; `message` where it says nothing. */
  readonly type: string;
  /** The lines of `data:`, with LF between them. */
  readonly data: string;
  /** The last `id:` so far, of this event or one before; '' where there was none. To go on from here: `Last-Event-ID`. */
  readonly lastEventId: string;
  /** Milliseconds to wait before connecting again: the last `retry:` so far. */
  readonly retry: number | undefined;
}

export interface EventsOptions {
  /** Bytes that one event may have; `null`: no bound. Default 1 MiB. */
  maxEventSize?: number | null | undefined;
}

const MAX_EVENT_SIZE = 1024 * 1024;

/**
 * The server-sent events of a body (WHATWG HTML §9.2.6), one by one as they come. An event that the body ends in is not one.
 * The stream is UTF-8, whatever the headers say; whether it is `text/event-stream` is not looked at.
 *
 * @throws DecodingError where an event is too large.
 */
export function serverSentEvents(
  response: Response,
  { maxEventSize }: EventsOptions = {},
): AsyncGenerator<ServerSentEvent> {
  return events(response, byteBound('maxEventSize', maxEventSize, MAX_EVENT_SIZE));
}

async function* events(response: Response, maxSize: number): AsyncGenerator<ServerSentEvent> {
  const lines = new ByteLines('any');
  const block = new Block();
  let isFirst = true;
  for await (const piece of response) {
    for (const line of lines.cut(piece)) {
      const event = block.take(lineText(line, isFirst), line.byteLength);
      isFirst = false;
      if (block.size > maxSize) throw tooLarge(response, maxSize);
      if (event !== null) yield event;
    }
    if (block.size + lines.pending > maxSize) throw tooLarge(response, maxSize);
  }
}

function tooLarge(response: Response, maxSize: number): Error {
  return undecodable(response, `an event has more than ${maxSize} bytes (maxEventSize)`);
}

/** What stands between two blank lines, and what is remembered from one block to the next. */
class Block {
  /** Bytes of the fields so far. */
  size = 0;
  #type = '';
  #data: string[] = [];
  #lastEventId = '';
  #retry: number | undefined;

  /** The event that this line ends, if it does. */
  take(line: string, size: number): ServerSentEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    // A comment.
    if (colon === 0) return null;
    this.size += size;
    if (colon === -1) this.#field(line, '');
    else this.#field(line.slice(0, colon), line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1)));
    return null;
  }

  #field(name: string, value: string): void {
    switch (name) {
      case 'event':
        this.#type = value;
        break;
      case 'data':
        this.#data.push(value);
        break;
      case 'id':
        if (!value.includes('\0')) this.#lastEventId = value;
        break;
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#retry = Number(value);
        break;
      default:
      // Others are ignored.
    }
  }

  #dispatch(): ServerSentEvent | null {
    const [type, data] = [this.#type, this.#data];
    this.#type = '';
    this.#data = [];
    this.size = 0;
    if (data.length === 0) return null;
    return {
      type: type === '' ? 'message' : type,
      data: data.join('\n'),
      lastEventId: this.#lastEventId,
      retry: this.#retry,
    };
  }
}
