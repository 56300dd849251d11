import { LocalProtocolError } from '../errors.ts';
import { hasFramingFields } from '../messages/headers.ts';
import type { Content } from '../messages/content/content.ts';
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
/** uri-host [ ":" port ] (RFC 9110 §7.2), without the comma, which some read as the end of a value. */
const HOST = /^(?:\[[\w.:%-]+\]|[\w.~%!$&'()*+;=-]*)(?::[0-9]*)?$/;
/** Named in Connection, they would be taken off by the next intermediary (RFC 9110 §7.6.1), and the message be another one. */
const END_TO_END: readonly string[] = ['host', 'content-length', 'transfer-encoding'];

/**
 * The head of a request as it goes on the wire (RFC 9112 §3 and §6): the fields the caller gave, and those that follow from the body.
 * `target` is the request-target, `host` the value of Host unless the caller gave one, `fields` are lines for a proxy, each with its line
 * break in front.
 * @throws LocalProtocolError where what the caller gave would break the framing.
 */
export function requestHead(
  request: Request,
  target: string,
  host: string,
  fields = '',
): RequestHead {
  if (!TARGET.test(target))
    throw broken(request, `a request-target with white space or a control in it`);
  if (hasFramingFields(request.headers)) return withCallersFraming(request, target, host, fields);
  const start = `${request.method} ${target} HTTP/1.1\r\nhost: ${host}${fields}${request.headers.toString()}`;
  const { content } = request;
  if (content === null) {
    const line = HAS_CONTENT.has(request.method) ? '\r\ncontent-length: 0' : '';
    return plain(`${start}${line}\r\n\r\n`, 'none', 0);
  }
  const length = lengthOf(request, content);
  return length === undefined
    ? plain(`${start}\r\ntransfer-encoding: chunked\r\n\r\n`, 'chunked', 0)
    : plain(`${start}\r\ncontent-length: ${length}\r\n\r\n`, 'length', length);
}

/** The same, where the caller gave fields of framing or routing: they win, if they are right. */
function withCallersFraming(
  request: Request,
  target: string,
  host: string,
  fields: string,
): RequestHead {
  const { content } = request;
  let { headers } = request;
  const connection = tokens(headers.get('connection'));
  const named = END_TO_END.find((name) => connection.includes(name));
  if (named !== undefined) throw broken(request, `a Connection that names ${named}`);

  let framing: RequestFraming = 'none';
  let length = 0;
  let line = '';
  const codings = headers.getAll('transfer-encoding');
  const lengths = headers.getAll('content-length');
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
      throw broken(
        request,
        `Transfer-Encoding ${JSON.stringify(codings.join(', '))}: only chunked is known`,
      );
    if (lengths.length > 0) throw broken(request, 'both Transfer-Encoding and Content-Length');
    framing = 'chunked';
  } else if (lengths.length > 0) {
    length = announced(request, lengths);
    if (content !== null) framing = 'length';
  } else if (content !== null) {
    const known = lengthOf(request, content);
    framing = known === undefined ? 'chunked' : 'length';
    length = known ?? 0;
    line = known === undefined ? '\r\ntransfer-encoding: chunked' : `\r\ncontent-length: ${length}`;
  } else if (HAS_CONTENT.has(request.method)) {
    line = '\r\ncontent-length: 0';
  }

  let expectContinue = tokens(headers.get('expect')).includes('100-continue');
  if (expectContinue && framing === 'none') {
    // RFC 9110 §10.1.1: not without content. It may be a default for all requests, or left over from a redirect's first one.
    headers = headers.without('expect');
    expectContinue = false;
  }
  const start = `${request.method} ${target} HTTP/1.1${hostLine(request, host)}`;
  return {
    text: `${start}${fields}${headers.toString()}${line}\r\n\r\n`,
    framing,
    length,
    close: connection.includes('close'),
    upgrade: connection.includes('upgrade') && headers.has('upgrade'),
    expectContinue,
  };
}

function plain(text: string, framing: RequestFraming, length: number): RequestHead {
  return { text, framing, length, close: false, upgrade: false, expectContinue: false };
}

/** Host, unless the caller gave one. */
function hostLine(request: Request, host: string): string {
  const hosts = request.headers.getAll('host');
  if (hosts.length > 1) throw broken(request, 'more than one Host');
  const [given] = hosts;
  if (given === undefined) return `\r\nhost: ${host}`;
  if (!HOST.test(given)) throw broken(request, `Host ${JSON.stringify(given)}: that is no host`);
  return '';
}

/** The length of the body, if it is known and nothing follows the body. */
function lengthOf(request: Request, content: Content): number | undefined {
  const { contentLength } = content;
  if (contentLength === undefined || content.trailers !== undefined) return undefined;
  // A body of the caller's own making can say anything.
  if (!Number.isSafeInteger(contentLength) || contentLength < 0)
    throw broken(request, `a body whose contentLength is ${JSON.stringify(contentLength)}`);
  return contentLength;
}

/** The Content-Length that the caller gave, which must be that of the body. */
function announced(request: Request, lengths: readonly string[]): number {
  const { content } = request;
  const [value = ''] = lengths;
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(value)) {
    throw broken(
      request,
      `Content-Length ${JSON.stringify(lengths.join(', '))}: expected one number of bytes`,
    );
  }
  if (content?.trailers !== undefined)
    throw broken(request, 'Content-Length for a body with trailers, which is sent in chunks');
  const length = Number(value);
  const actual = content === null ? 0 : lengthOf(request, content);
  // A body of unknown length is counted while it is sent.
  if (actual !== undefined && actual !== length)
    throw broken(request, `Content-Length ${length} for a body of ${actual} bytes`);
  return length;
}

function broken(request: Request, what: string): LocalProtocolError {
  return new LocalProtocolError(`not sent: ${what}`, { request, phase: 'write' });
}
