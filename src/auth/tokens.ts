import type { Destination } from '../messages/destination.ts';
import { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { base64 } from './bytes.ts';
import { isToken } from './bearer.ts';
import { AuthError } from './failure.ts';

/** What a token endpoint gave (RFC 6749 §5.1). */
export interface OAuth2Token {
  readonly accessToken: string;
  /** When it ends, in milliseconds since 1970, as `Date.now()` counts; null: the server did not say. */
  readonly expiresAt: number | null;
  /** To get the next one with; null where there is none. Servers may give another one each time. */
  readonly refreshToken: string | null;
}

/** What a token is asked for with. */
export interface TokenEndpoint {
  readonly url: Destination;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly clientAuthentication: 'basic' | 'body';
  readonly params: Readonly<Record<string, string>>;
}

/** What belongs to the call that a token is asked for, and bounds the asking. */
type Caller = Pick<Request, 'signal' | 'timeout' | 'extensions'>;

/** The request for a token (RFC 6749 §4.4.2, §6). It is not redirected: what it carries is for nobody else. */
export function tokenRequest(
  endpoint: TokenEndpoint,
  grant: Readonly<Record<string, string>>,
  { signal, timeout, extensions }: Caller,
): Request {
  const { url, clientId, clientSecret, clientAuthentication, params } = endpoint;
  const form: Record<string, string> = { ...grant, ...params };
  const headers: Record<string, string> = { accept: 'application/json' };
  if (clientSecret !== null && clientAuthentication === 'basic') {
    headers['authorization'] =
      `Basic ${base64(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`;
  } else {
    form['client_id'] = clientId;
    if (clientSecret !== null) form['client_secret'] = clientSecret;
  }
  const { expiresAt } = extensions;
  return new Request('POST', url, {
    headers,
    form,
    signal,
    timeout,
    expiresAt,
    redirect: false,
    auth: null,
  });
}

/** Tokens are a few kilobytes: what sends more is no token endpoint. */
const MAX_ANSWER = 1024 * 1024;

/** @throws AuthError where the answer is not a token. It is read to its end or closed. */
export async function tokenIn(
  request: Request,
  response: Response,
  refreshToken: string | null,
): Promise<OAuth2Token> {
  const fail = (message: string, reason: string | null = null): AuthError =>
    new AuthError(`the token endpoint ${message}`, { request, reason });
  const answer = await jsonIn(response);
  if (!response.ok) {
    const reason = reasonIn(answer);
    throw fail(`answered ${response.status}${reason === null ? '' : ` ${reason}`}`, reason);
  }
  if (answer === null) throw fail(`answered ${response.status} without a JSON object`);
  const { access_token: accessToken, token_type: type, refresh_token: next } = answer;
  if (!isToken(accessToken)) throw fail('gave no access_token that a header can hold');
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) {
    throw fail('gave a token of a type other than Bearer');
  }
  const seconds = Number(answer['expires_in'] ?? Number.NaN);
  return {
    accessToken,
    expiresAt: Number.isFinite(seconds) ? Date.now() + seconds * 1000 : null,
    refreshToken: typeof next === 'string' && next !== '' ? next : refreshToken,
  };
}

/** null: it is not a JSON object, or more than there can be. */
async function jsonIn(response: Response): Promise<Record<string, unknown> | null> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of response) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > MAX_ANSWER) return null;
  }
  try {
    const value: unknown = JSON.parse(text + decoder.decode());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** `invalid_client`. The description beside it is free text, and may quote what was sent: it is shown nowhere. */
function reasonIn(answer: Record<string, unknown> | null): string | null {
  const error = answer?.['error'];
  return typeof error === 'string' && /^[a-z0-9_.-]{1,64}$/i.test(error) ? error : null;
}

/** RFC 6749 §2.3.1, appendix B. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
