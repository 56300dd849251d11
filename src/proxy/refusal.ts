import type { Headers } from '../messages/headers.ts';
import { ProxyFailure } from './failure.ts';

/** What a proxy answered to CONNECT. */
export interface ConnectAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The start of the body. */
  readonly body: Uint8Array;
}

/** How much of an answer a message shows, in characters. */
const EXCERPT = 200;
const REASON = 80;
/** A shorter secret would be found in everything. */
const SHORTEST_SECRET = 4;

/** The proxy has said no. `secrets` were sent to it: proxies repeat what they got, errors do not. */
export function refusal(
  what: string,
  { status, statusText, headers, body }: ConnectAnswer,
  secrets: readonly string[],
): ProxyFailure {
  const type = headers.get('content-type') ?? '';
  const text = new TextDecoder().decode(body);
  const reason = excerpt(statusText, REASON, secrets);
  const said = excerpt(/html/i.test(type) ? withoutMarkup(text) : text, EXCERPT, secrets);
  const answer = `${status}${reason === '' ? '' : ` ${reason}`}`;
  return new ProxyFailure(
    `${what}: it answered ${answer}${said === '' ? '' : `, ${JSON.stringify(said)}`}`,
    { status },
  );
}

/** On one line, without what was sent. */
function excerpt(text: string, length: number, secrets: readonly string[]): string {
  let shown = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  for (const secret of secrets) {
    if (secret.length < SHORTEST_SECRET) continue;
    shown = shown.replaceAll(secret, '…');
    // The answer may have been cut off within it.
    for (let size = secret.length - 1; size >= SHORTEST_SECRET; size--)
      if (shown.endsWith(secret.slice(0, size))) shown = `${shown.slice(0, -size)}…`;
  }
  return shown.length > length ? `${shown.slice(0, length)}…` : shown;
}

/** The text of a page: what is cut off at its end may be half a tag. */
function withoutMarkup(html: string): string {
  return html
    .replace(/<(style|script|head)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<[^>]*(?:>|$)/g, ' ');
}
