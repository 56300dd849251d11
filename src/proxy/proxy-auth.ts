import type { AuthLike } from '../auth/auth.ts';
import { inMemory } from '../messages/in-memory.ts';
import type { Request } from '../messages/request.ts';
import { Response } from '../messages/response.ts';

/** More than any scheme asks for; one that never comes to an end does here. */
const MAX_REQUESTS = 10;

/** What an origin says and what a proxy says in its place (RFC 9110 §11.7). */
const FIELDS: readonly (readonly [ofOrigin: string, ofProxy: string])[] = [
  ['www-authenticate', 'proxy-authenticate'],
  ['authentication-info', 'proxy-authentication-info'],
];

/**
 * Makes the requests that an authentication scheme asks for, and answers the last response. The scheme knows of origins only: to it, the
 * proxy is one. Its Authorization is meant for the proxy, and `send` sees to that; it is shown a 407 as a 401.
 *
 * `request` is as the proxy sees it, its URL being the proxy's own, so that nonces are remembered by proxy.
 */
export async function authenticated(
  scheme: AuthLike,
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  const given = scheme.requiresRequestBody === true ? await inMemory(request) : request;
  const flow = scheme.authFlow(given);
  const used = new Set<unknown>();
  let response: Response | null = null;
  try {
    let step = await flow.next();
    for (let sent = 0; step.done !== true && sent < MAX_REQUESTS; sent++) {
      const { content } = step.value;
      if (response !== null) {
        // A body that can be read but once is gone: the refusal is the answer.
        if (content !== null && !content.replayable && used.has(content)) break;
        await response.close();
        response = null;
      }
      used.add(content);
      try {
        response = await send(step.value);
      } catch (error) {
        step = await flow.throw(error);
        if (step.done === true) throw error;
        continue;
      }
      if (scheme.requiresResponseBody === true) await response.read();
      step = await flow.next(await asOfOrigin(response));
    }
  } catch (error) {
    await response?.close();
    throw error;
  } finally {
    await flow.return();
  }
  if (response === null) throw new TypeError('proxy.auth: authFlow yielded no request');
  return response;
}

/** A response with the names of proxy and origin exchanged: an origin's own 401 is none of the scheme's business. */
async function asOfOrigin(response: Response): Promise<Response> {
  let { headers } = response;
  for (const names of FIELDS) {
    const [ofOrigin, ofProxy] = names.map((name) => response.headers.getAll(name)) as [
      string[],
      string[],
    ];
    for (const [name, values] of [
      [names[0], ofProxy],
      [names[1], ofOrigin],
    ] as const)
      headers = values.length === 0 ? headers.without(name) : headers.with(name, values);
  }
  const { status, statusText } = response;
  return new Response(status === 407 ? 401 : status === 401 ? 407 : status, {
    statusText,
    headers,
    body: response.isRead ? await response.bytes() : null,
  });
}
