import type { Headers } from './headers.ts';

/** Fields about the body, which go when it goes (RFC 9110 §15.4). */
const OF_BODY: readonly string[] = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
  'expect',
  'trailer',
  'transfer-encoding',
];

/** The headers of a request that has lost its body on the way, as one does that a redirect turns into GET. */
export function withoutBodyFields(headers: Headers): Headers {
  return OF_BODY.reduce((kept, name) => kept.without(name), headers);
}
