import type { Headers } from '../messages/headers.ts';
import type { Request } from '../messages/request.ts';
import { boundaryOf } from '../messages/text.ts';
import { bytesOf, storedBody, textOf } from './body.ts';
import { withoutCodings } from './codings.ts';
import type { StoredRequest } from './format.ts';
import { headersFrom, recordOf } from './fields.ts';
import type { Redaction, Secrets } from './redaction.ts';

/** A request as it stands in a cassette, and as what is asked for is compared with it: without secrets and content codings. */
export class RecordedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly bytes: Uint8Array;

  constructor(method: string, url: string, headers: Headers, bytes: Uint8Array) {
    this.method = method;
    this.url = new URL(url);
    this.headers = headers;
    this.bytes = bytes;
  }

  /** The body as text; '' where it is none. */
  get text(): string {
    return textOf(this.bytes) ?? '';
  }

  /** The body's value; undefined where it is not JSON. */
  get json(): unknown {
    try {
      return JSON.parse(this.text) as unknown;
    } catch {
      return undefined;
    }
  }

  /** For people: without query, as in errors. */
  toString(): string {
    return `${this.method} ${this.url.origin}${this.url.pathname}`;
  }
}

/** The request and its body in the form in which they are recorded and compared. */
export async function recordedRequest(
  request: Request,
  body: Uint8Array,
  redaction: Redaction,
  secrets?: Secrets,
): Promise<RecordedRequest> {
  const { headers, bytes } = withFixedBoundary(
    await withoutCodings({ headers: request.headers, bytes: body }),
  );
  return redacted(
    { method: request.method, url: request.destination.href, headers, bytes },
    redaction,
    secrets,
  );
}

/** What was recorded before a name was to be redacted is compared without it all the same. */
export function requestFrom(stored: StoredRequest, redaction: Redaction): RecordedRequest {
  const { method, url } = stored;
  const headers = headersFrom(stored.headers);
  return redacted({ method, url, headers, bytes: bytesOf(stored.body) }, redaction);
}

export function storedRequest(
  { method, url, headers, bytes }: RecordedRequest,
  omit: ReadonlySet<string>,
): StoredRequest {
  const body = storedBody(bytes);
  return {
    method,
    url: url.href,
    headers: recordOf(headers, omit),
    ...(body === undefined ? {} : { body }),
  };
}

interface Parts {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

function redacted(parts: Parts, redaction: Redaction, secrets?: Secrets): RecordedRequest {
  return new RecordedRequest(
    parts.method,
    redaction.url(parts.url, secrets),
    redaction.headers(parts.headers, secrets),
    redactedBytes(parts.bytes, parts.headers, redaction, secrets),
  );
}

/** Only text can be searched. */
export function redactedBytes(
  bytes: Uint8Array,
  headers: Headers,
  redaction: Redaction,
  secrets?: Secrets,
): Uint8Array {
  const text = textOf(bytes);
  if (text === null || text === '') return bytes;
  const without = redaction.body(text, headers.get('content-type'), secrets);
  return without === text ? bytes : new TextEncoder().encode(without);
}

/** The boundary between the parts of a form is another one each time: one that stays makes requests comparable, and files too. */
function withFixedBoundary({ headers, bytes }: { headers: Headers; bytes: Uint8Array }): {
  headers: Headers;
  bytes: Uint8Array;
} {
  const type = headers.get('content-type');
  if (type === null || !/^multipart\//i.test(type)) return { headers, bytes };
  const boundary = boundaryOf(type);
  if (boundary === null || boundary === FIXED_BOUNDARY) return { headers, bytes };
  // latin1 has a character for each byte.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return {
    headers: headers.with('content-type', type.replace(boundary, FIXED_BOUNDARY)),
    bytes: new Uint8Array(
      Buffer.from(text.replaceAll(`--${boundary}`, `--${FIXED_BOUNDARY}`), 'latin1'),
    ),
  };
}

const FIXED_BOUNDARY = 'boundary';
