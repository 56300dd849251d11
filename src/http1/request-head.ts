import { LocalProtocolError } from '../errors.ts';
import { hasFramingFields } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import { tokens } from './list.ts';

/** How the body of a request is delimited: not there, of known length, or in chunks. */
export type RequestFraming = 'none' | 'length' | 'chunked';

/** A request's head, ready to be written. */
export interface RequestHead {
  readonly text: string;
  readonly framing: RequestFraming;
  /** The bytes announced; 0 where framing is not 'length'. */
  readonly length: number;
  /** The connection ends with this exchange. */
  readonly close: boolean;
  /** 101 may answer it. */
  readonly upgrade: boolean;
  /** The body waits for 100 (RFC 9110 §10.1.1). */
  readonly expectContinue: boolean;
}

/** Methods whose requests say that they have no content when they have none (RFC 9110 §8.6). */
const HAS_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** What a request-target can be made of (RFC 9112 §3.2): no white space, no controls. */
const TARGET = /^[\x21-\x7e]+$/;

/**
 * The head of a request as it goes on the wire (RFC 9112 §3 and §6): the fields the caller gave, and those that follow from the body.
 * `target` is the request-target, `host` the value of Host unless the caller gave one.
 * @throws LocalProtocolError where what the caller gave would break the framing.
 */
export function requestHead(request: Request, target: string, host: string): RequestHead {
  if (!TARGET.test(target))
    throw broken(request, `a request-target with white space or a control in it`);
  if (hasFramingFields(request.headers)) return withCallersFraming(request, target, host);
  const start = `${request.method} ${target} HTTP/1.1\r\nhost: ${host}${request.headers.toString()}`;
  const { content } = request;
  if (content === null) {
    const text = HAS_CONTENT.has(request.method)
      ? `${start}\r\ncontent-length: 0\r\n\r\n`
      : `${start}\r\n\r\n`;
    return {
      text,
      framing: 'none',
      length: 0,
      close: false,
      upgrade: false,
      expectContinue: false,
    };
  }
  const length = content.trailers === undefined ? content.contentLength : undefined;
  if (length === undefined) {
    return {
      text: `${start}\r\ntransfer-encoding: chunked\r\n\r\n`,
      framing: 'chunked',
      length: 0,
      close: false,
      upgrade: false,
      expectContinue: false,
    };
  }
  return {
    text: `${start}\r\ncontent-length: ${length}\r\n\r\n`,
    framing: 'length',
    length,
    close: false,
    upgrade: false,
    expectContinue: false,
  };
}

/** The same, where the caller gave fields of framing or routing: they win, if they are right. */
function withCallersFraming(request: Request, target: string, host: string): RequestHead {
  const { headers, content } = request;
  const hosts = headers.getAll('host');
  if (hosts.length > 1) throw broken(request, 'more than one Host');
  if (hosts[0] !== undefined && /[\s,/@?#]/.test(hosts[0]))
    throw broken(request, 'a Host that is no host');

  let text = `${request.method} ${target} HTTP/1.1`;
  if (hosts.length === 0) text += `\r\nhost: ${host}`;
  text += headers.toString();

  const codings = headers.getAll('transfer-encoding').join(',').toLowerCase();
  const lengths = headers.getAll('content-length');
  let framing: RequestFraming;
  let length = 0;
  if (codings !== '') {
    if (codings.trim() !== 'chunked')
      throw broken(request, `Transfer-Encoding ${JSON.stringify(codings)}: only chunked is known`);
    if (lengths.length > 0) throw broken(request, 'both Transfer-Encoding and Content-Length');
    framing = 'chunked';
  } else if (lengths.length > 0) {
    length = announced(request, lengths);
    framing = content === null ? 'none' : 'length';
  } else if (content === null) {
    framing = 'none';
    if (HAS_CONTENT.has(request.method)) text += '\r\ncontent-length: 0';
  } else if (content.contentLength === undefined || content.trailers !== undefined) {
    framing = 'chunked';
    text += '\r\ntransfer-encoding: chunked';
  } else {
    framing = 'length';
    length = content.contentLength;
    text += `\r\ncontent-length: ${length}`;
  }
  const connection = tokens(headers.get('connection'));
  return {
    text: `${text}\r\n\r\n`,
    framing,
    length,
    close: connection.includes('close'),
    upgrade: connection.includes('upgrade') && headers.has('upgrade'),
    expectContinue: framing !== 'none' && tokens(headers.get('expect')).includes('100-continue'),
  };
}

/** The Content-Length that the caller gave, which must be that of the body. */
function announced(request: Request, lengths: readonly string[]): number {
  const [value = ''] = lengths;
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(value)) {
    throw broken(
      request,
      `Content-Length ${JSON.stringify(lengths.join(', '))}: expected one number of bytes`,
    );
  }
  const length = Number(value);
  const actual = request.content === null ? 0 : request.content.contentLength;
  // HEAD may say what the body of a GET would be. Bodies of unknown length are counted while they are sent.
  if (actual !== undefined && actual !== length) {
    throw broken(request, `Content-Length ${length} for a body of ${actual} bytes`);
  }
  if (request.content?.trailers !== undefined)
    throw broken(request, 'Content-Length for a body with trailers, which is sent in chunks');
  return length;
}

function broken(request: Request, what: string): LocalProtocolError {
  return new LocalProtocolError(`not sent: ${what}`, { request, phase: 'write' });
}
