import type { Headers } from '../messages/headers.ts';
import { CONTENT_LENGTH, TRANSFER_ENCODING, type HeadScanner } from './head-scanner.ts';
import { Violation } from './violation.ts';

/** How the body of a response is delimited. A number is its length in bytes. */
export type Framing = number | 'chunked' | 'until-close' | 'none' | 'tunnel';

/**
 * Message body length (RFC 9112 §6.3), rule by rule. Where the RFC leaves a choice, the strict one is taken: a message that two readers
 * could measure differently is refused.
 * @throws Violation
 */
export function framingOf(method: string, head: HeadScanner, headers: () => Headers): Framing {
  const { status, fields } = head;
  // 1. No body, whatever the fields say.
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
  // 2. From here on it is another protocol's connection.
  if (method === 'CONNECT' && status < 300) return 'tunnel';
  if ((fields & TRANSFER_ENCODING) !== 0) {
    const codings = headers()
      .getAll('transfer-encoding')
      .flatMap((value) => value.split(','))
      .map((coding) => coding.replace(/^[\t ]+|[\t ]+$/g, '').toLowerCase());
    // An `identity` by itself says nothing (it was dropped from HTTP/1.1 by RFC 7230).
    if (codings.some((coding) => coding !== 'identity')) {
      // 3. Both: two lengths for one message, the oldest way to smuggle.
      if ((fields & CONTENT_LENGTH) !== 0)
        throw new Violation('both Transfer-Encoding and Content-Length');
      // 4. Chunked must be last, or the end cannot be told but by the close.
      if (codings.at(-1) !== 'chunked') return 'until-close';
      const unknown = codings.find(
        (coding, place) => coding !== 'chunked' || place < codings.length - 1,
      );
      if (unknown !== undefined)
        throw new Violation(`a transfer coding that was not asked for, ${JSON.stringify(unknown)}`);
      return 'chunked';
    }
  }
  if ((fields & CONTENT_LENGTH) !== 0) {
    if (head.contentLength !== -1) return head.contentLength;
    const values = headers().getAll('content-length');
    // A fold somewhere in the head: the scanner leaves the reading to the text.
    if (values.length === 1 && /^[0-9]{1,15}$/.test(values[0] as string)) return Number(values[0]);
    // 5. Repeated, or not digits.
    throw new Violation(
      values.length > 1
        ? `${values.length} Content-Length fields`
        : `Content-Length ${JSON.stringify(values[0]?.slice(0, 40))}`,
    );
  }
  // 8. Neither (6 and 7 are about requests).
  return 'until-close';
}
