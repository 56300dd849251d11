import type { Request } from '../../messages/request.ts';
import { shownTarget } from '../../messages/secret-fields.ts';
import type { TelemetryAttributes } from './api.ts';

/*
 * What the semantic conventions for HTTP clients say.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span and …/http-metrics/#metric-httpclientrequestduration
 */

export const KNOWN_METHODS: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
];

/** The histogram, with the bucket boundaries that are advised. */
export const DURATION = {
  name: 'http.client.request.duration',
  description: 'Duration of HTTP client requests.',
  unit: 's',
  advice: {
    explicitBucketBoundaries: [
      0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ],
  },
};

/** Those attributes of a span that measurements have, too: of few different values. */
export const MEASURED: readonly string[] = [
  'http.request.method',
  'server.address',
  'server.port',
  'url.template',
];

/** `{method}`, or `{method} {url.template}`. */
export function nameOf(request: Request, attributes: TelemetryAttributes): string {
  const method = attributes['http.request.method'];
  const { urlTemplate } = request.extensions;
  const name = method === OTHER ? 'HTTP' : String(method);
  return urlTemplate === undefined ? name : `${name} ${urlTemplate}`;
}

/** What is known of a span when it begins. */
export function spanAttributes(
  request: Request,
  knownMethods: ReadonlySet<string>,
  shownParameters: ReadonlySet<string>,
): TelemetryAttributes {
  const { method, origin, target, destination } = request;
  const { urlTemplate, sends, attempt = 1 } = request.extensions;
  const known = knownMethods.has(method);
  const [address, port = destination.protocol === 'https:' ? 443 : 80] = placeIn(
    request.headers.get('host') ?? destination.host,
  );
  const attributes: TelemetryAttributes = {
    'http.request.method': known ? method : OTHER,
    'server.address': address,
    'server.port': port,
    'url.full': origin + shownTarget(target, (name) => shownParameters.has(name)),
  };
  if (!known) attributes['http.request.method_original'] = method;
  if (urlTemplate !== undefined) attributes['url.template'] = urlTemplate;
  // Without the outer half, only what retries say is known.
  const resends = sends === undefined ? attempt - 1 : sends.count++;
  if (resends > 0) attributes['http.request.resend_count'] = resends;
  return attributes;
}

const OTHER = '_OTHER';

/** Host and port of `example.com`, `10.1.2.3:80` or `[::1]:80`. */
export function placeIn(authority: string): [address: string, port?: number] {
  const [, host = authority, port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? [];
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  return port === undefined ? [address] : [address, Number(port)];
}

/** A class of errors, in few different words: a code, or the name of what was thrown. */
export function errorType(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : OTHER;
}
