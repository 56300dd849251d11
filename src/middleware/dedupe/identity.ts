import type { Request } from '../../messages/request.ts';

/**
 * What a request is the same by: where it goes, how long it waits there, and every header field that makes a difference. In what order the
 * fields stand does not count, unless they have the same name.
 */
export function identityOf(request: Request, ignored: ReadonlySet<string>): string {
  const fields: (readonly [name: string, value: string])[] = [];
  for (const [name, value] of request.headers) {
    const lowered = name.toLowerCase();
    if (!ignored.has(lowered)) fields.push([lowered, value]);
  }
  fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const timeout = JSON.stringify(request.timeout) ?? '';
  // Neither a URL nor a field has a line break in it.
  return [
    request.origin + request.target,
    timeout,
    ...fields.map(([name, value]) => `${name}:${value}`),
  ].join('\n');
}

/** Whether somebody else may have the same answer: the request has no body, leaves HTTP alone, and asks for nothing of its own on the way. */
export function isShareable({ method, content, headers, extensions, signal }: Request): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    content === null &&
    extensions.dedupe !== false &&
    extensions.target === undefined &&
    extensions.onInformational === undefined &&
    signal?.aborted !== true &&
    !headers.has('upgrade')
  );
}

/** Whether what is asked for may be changed by it (RFC 9110 §9.2.1): any method that is not known to be safe. */
export function isWrite({ method }: Request): boolean {
  return !SAFE.has(method);
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);
