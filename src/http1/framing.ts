import type { Headers } from '../messages/headers.ts';
import { CONTENT_LENGTH, TRANSFER_ENCODING, type HeadScanner } from './head-scanner.ts';
import { members, tokens } from './list.ts';
import { Violation } from './violation.ts';

/** How the body of a response is delimited. A number is its length in bytes. */
export type Framing = number | 'chunked' | 'until-close' | 'none' | 'tunnel';

/** What the field says in nearly every response that has it. */
const CHUNKED: readonly string[] = ['chunked'];

/**
 * Message body length (RFC 9112 §6.3), rule by rule. Where the RFC leaves a choice, the strict one is taken: a message that two readers
 * could measure differently is refused.
 * @throws Violation
 */
export function framingOf(method: string, head: HeadScanner, headers: Headers): Framing {
  const { status, fields } = head;
  // 2. From here on it is another protocol's connection. Before rule 1, since 204 is a 2xx too (RFC 9110 §9.3.6).
  if (method === 'CONNECT' && status >= 200 && status < 300) return 'tunnel';
  // 1. No body, whatever the fields say.
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
  if ((fields & TRANSFER_ENCODING) !== 0) {
    const codings = head.chunked ? CHUNKED : tokens(headers.get('transfer-encoding'));
    if (!isIdentity(codings)) {
      // 3. Both: two lengths for one message, the oldest way to smuggle.
      if ((fields & CONTENT_LENGTH) !== 0)
        throw new Violation('both Transfer-Encoding and Content-Length');
      // 4. Chunked must be last, or the end cannot be told but by the close.
      return endsChunked(codings) ? 'chunked' : 'until-close';
    }
  }
  // 5 and 6.
  if ((fields & CONTENT_LENGTH) !== 0)
    return head.contentLength !== -1 ? head.contentLength : lengthIn(headers);
  // 8. Neither (7 is about requests).
  return 'until-close';
}

/** `identity` by itself says nothing: it stood for that until RFC 7230 dropped it. */
function isIdentity(codings: readonly string[]): boolean {
  return codings.length > 0 && codings.every((coding) => coding === 'identity');
}

/**
 * Whether the last coding is chunked. `chunked, chunked` is what two layers of a server add one after the other: nobody reads it as more
 * than one, and the end is the same either way.
 */
function endsChunked(codings: readonly string[]): boolean {
  // RFC 9112 §7.1: an error, for it has none.
  if (codings.some((coding) => /^chunked[\t ]*;/.test(coding)))
    throw new Violation('a parameter of the chunked transfer coding');
  if (codings.at(-1) !== 'chunked') return false;
  const unknown = codings.find((coding) => coding !== 'chunked' && coding !== 'identity');
  if (unknown !== undefined)
    throw new Violation(
      `a transfer coding that was not asked for, ${JSON.stringify(unknown.slice(0, 40))}`,
    );
  return true;
}

/** A Content-Length that is not simply one field of digits: the same number may stand there more than once (rule 5). */
function lengthIn(headers: Headers): number {
  const value = headers.getAll('content-length').join(', ');
  const [first = '', ...others] = members(value);
  const length = Number(first);
  if (!/^[0-9]+$/.test(first) || length > Number.MAX_SAFE_INTEGER)
    throw new Violation(`Content-Length ${JSON.stringify(value.slice(0, 40))}`);
  if (others.some((other) => other !== first))
    throw new Violation(`Content-Lengths that differ, ${JSON.stringify(value.slice(0, 40))}`);
  return length;
}
