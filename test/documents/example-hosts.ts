import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Duplex } from 'node:stream';
import { okServer, type OkServer } from '../support/ok-server.ts';
import { identities } from '../support/tls.ts';

/** What the hosts of the documents answer. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes as they are; anything else as JSON. */
  readonly body?: unknown;
}

/** 'never' says nothing, 'broken' hangs up. */
type Route = (call: Call) => Answer | 'never' | 'broken' | Promise<Answer>;

interface Call {
  readonly request: IncomingMessage;
  readonly bytes: Uint8Array;
  /** The same, as text. */
  readonly body: string;
  /** How often this route has been called, this call among them. */
  readonly times: number;
  readonly originOf: (host: string) => string;
}

const echo: Route = ({ request: { method, url, headers }, body }) => ({
  body: { method, target: url, headers, body },
});

const user: Route = ({ request }) => {
  if (request.headers['if-none-match'] === '"v1"') return { status: 304 };
  const id = Number(/\d+/.exec(request.url!.slice(3)));
  return {
    headers: { etag: '"v1"' },
    body: { id, name: 'Ada Lovelace', email: 'ada@example.com' },
  };
};

const renamed: Route = ({ request, body }) =>
  request.headers.authorization === 'Bearer secret'
    ? { body: { id: 7, ...(JSON.parse(body) as object) } }
    : { status: 401 };

/** Says, line by line, what a form has in it. */
const upload: Route = async ({ request, bytes }) => {
  const headers = { 'content-type': request.headers['content-type'] as string };
  // What is deprecated is to parse what comes from strangers.
  // oxlint-disable-next-line typescript/no-deprecated
  const form = await new Response(bytes, { headers }).formData();
  const lines = Array.from(form, ([name, value]) =>
    typeof value === 'string'
      ? `${name} = ${value}`
      : `${name}: ${value.name}, ${value.type}, ${value.size} bytes`,
  );
  return { body: lines.join('\n') };
};

/** Three events, or those after the last one that the caller has had; then it hangs up. */
const news: Route = ({ request }) => {
  const seen = Number(request.headers['last-event-id'] ?? 0);
  const events = ['one', 'two', 'three', 'four', 'five'].map(
    (word, at) => `id: ${at + 1}\ndata: ${word}\n\n`,
  );
  return {
    headers: { 'content-type': 'text/event-stream' },
    body: `retry: 10\n\n${events.slice(seen, seen + 3).join('')}`,
  };
};

/** The whole of it, with the connection cut in the middle; the rest, where that is asked for. */
const cut: Route = ({ request }) => {
  const [whole, at] = ['name,pieces\ngranite,3\nbasalt,5\n', 15];
  const etag = '"cut"';
  if (request.headers.range !== `bytes=${at}-`) {
    const headers = { etag, 'content-length': `${whole.length}`, connection: 'close' };
    return { headers, body: whole.slice(0, at) };
  }
  const range = `bytes ${at}-${whole.length - 1}/${whole.length}`;
  return { status: 206, headers: { etag, 'content-range': range }, body: whole.slice(at) };
};

/** What the hosts of tunnels are, by the stream that is one. */
const tunnels = new WeakMap<Duplex, string>();

/** A proxy that says what it was asked for, and by whom, in place of doing it. */
const proxied: Route = ({ request: { method, url, headers, socket } }) => {
  const tunnel = tunnels.get(socket);
  if (tunnel !== undefined) return { body: `in a tunnel to ${tunnel}: ${method} ${url}` };
  const [, credentials = ''] = headers['proxy-authorization']?.split(' ') ?? [];
  return { body: `${atob(credentials).split(':')[0]} asks for ${method} ${url}` };
};

/** Shift_JIS, and nobody says so. */
const CAT = Buffer.from(
  '8ce1947982cd944c82c582a082e9814296bc914f82cd82dc82be96b382a2814282c782b182c590b682ea82bd82a993da82c68ca9939682aa82c282a982ca8142',
  'hex',
);

const session = { 'set-cookie': 'session=ada; Path=/; HttpOnly' };

/** By host, method and path. */
const ROUTES: readonly [pattern: RegExp, route: Route][] = [
  [/^\S+ \w+ \/echo$/, echo],
  [/^\S+ POST \/upload$/, upload],
  [
    /^\S+ POST \/logs$/,
    ({ request, bytes }) => ({
      body: `${request.headers['content-encoding']}: ${gunzipSync(bytes).length} bytes`,
    }),
  ],
  [/^www\.example\.org GET /, () => ({ body: 'the other one' })],
  [/^secure\.\S+ GET \/$/, () => ({ body: 'in confidence' })],
  [/^proxy\.\S+ /, proxied],

  [/^api\.\S+ GET \/v1\/users\/\d+$/, user],
  [/^api\.\S+ PATCH \/v1\/users\/7$/, renamed],
  [/^api\.\S+ POST \/v1\/users\/7\/notes$/, () => ({ status: 201 })],
  [/^api\.\S+ GET \/welcome$/, () => ({ status: 302, headers: { location: '/new', ...session } })],
  [/^api\.\S+ GET \/old$/, () => ({ status: 301, headers: { location: '/new' } })],
  [/^api\.\S+ GET \/new$/, () => ({ body: 'new' })],
  [/^api\.\S+ GET \/busy$/, ({ times }) => (times < 3 ? { status: 503, body: 'busy' } : {})],
  [/^api\.\S+ GET \/down$/, () => ({ status: 503 })],
  [/^api\.\S+ GET \/never$/, () => 'never'],
  [/^api\.\S+ GET \/slow$/, ({ times }) => (times === 1 ? 'never' : { body: 'quick' })],
  [/^api\.\S+ GET \/late$/, ({ times }) => ({ status: times === 1 ? 404 : 200 })],
  [/^api\.\S+ GET \/broken$/, () => 'broken'],
  [/^api\.\S+ POST \/photos$/, ({ body }) => ({ status: body.includes('Sunset') ? 201 : 400 })],
  [/^api\.\S+ PUT \/backups\/1$/, ({ body }) => ({ status: body.length === 1e5 ? 204 : 400 })],
  [/^api\.\S+ POST \/login$/, () => ({ status: 204, headers: session })],
  [/^api\.\S+ GET \/login$/, () => ({ status: 302, headers: { location: '/me', ...session } })],
  [
    /^api\.\S+ GET \/me$/,
    ({ request }) => (request.headers.cookie === 'session=ada' ? { body: 'ada' } : { status: 401 }),
  ],
  [
    /^api\.\S+ GET \/elsewhere$/,
    ({ originOf }) => ({
      status: 307,
      headers: { location: `${originOf('www.example.org')}/echo` },
    }),
  ],

  [
    /^api\.\S+ GET \/prices$/,
    () => ({ headers: { 'cache-control': 'max-age=60', etag: '"v1"' }, body: { granite: 7 } }),
  ],

  [/^api\.\S+ GET \/news$/, news],
  [
    /^api\.\S+ GET \/readings$/,
    () => ({
      headers: { 'content-type': 'application/x-ndjson' },
      body: '{"at":1,"celsius":20.5}\n{"at":2,"celsius":21}\n',
    }),
  ],

  [/^files\.\S+ PUT \/archive\.bin$/, () => ({ status: 204 })],
  [/^files\.\S+ GET \/cat\.txt$/, () => ({ headers: { 'content-type': 'text/plain' }, body: CAT })],
  [/^files\.\S+ GET \/cut\.csv$/, cut],
  [/^files\.\S+ GET \/report\.csv$/, () => ({ body: 'name,pieces\ngranite,3\ntotal,3\n' })],
  [
    /^files\.\S+ GET \/catalogue\.json$/,
    () => ({
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync('[1,2,3,45]'.repeat(10_000)),
    }),
  ],
  [/^files\.\S+ GET \/archive\.bin$/, () => ({ body: Buffer.alloc(300_000) })],
  [
    /^files\.\S+ GET \/latin1\.txt$/,
    () => ({ headers: { 'content-type': 'text/plain' }, body: Buffer.from('déjà vu', 'latin1') }),
  ],
];

/** Every host of the documents. */
const HOSTS = [
  'api.example.com',
  'files.example.com',
  'www.example.org',
  'secure.example.com',
  'proxy.example.net',
];
/** The one that speaks TLS, with a certificate that `client.pem` vouches for. */
const SECURE = 'secure.example.com';

/** The hosts of the documents, each at an origin of its own on this machine. */
export class ExampleHosts implements AsyncDisposable {
  /** `http://127.0.0.1:1234` by name. */
  readonly origins = new Map<string, string>();
  readonly #servers: OkServer[] = [];
  readonly #times = new Map<Route, number>();

  static async start(): Promise<ExampleHosts> {
    const hosts = new ExampleHosts();
    for (const host of HOSTS) await hosts.#open(host);
    return hosts;
  }

  /** Text with the names of the hosts in place of where they are. */
  named(line: string): string {
    for (const [host, origin] of this.origins) line = line.replaceAll(origin, `https://${host}`);
    return line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }

  async #open(host: string): Promise<void> {
    const tls = host === SECURE ? { tls: identities.server } : {};
    const server = await okServer(async (request, response) => {
      const path = request.url!.split('?', 1)[0];
      const called = `${host} ${request.method} ${path}`;
      const route = ROUTES.find(([pattern]) => pattern.test(called))?.[1] ?? missing;
      const times = (this.#times.get(route) ?? 0) + 1;
      this.#times.set(route, times);
      const originOf = (name: string): string => this.origins.get(name)!;
      const bytes = await buffer(request);
      const answer = await route({ request, bytes, body: bytes.toString(), times, originOf });
      if (answer === 'never') return;
      if (answer === 'broken') {
        request.socket.destroy();
        return;
      }
      const { status = 200, headers = {}, body = '' } = answer;
      const raw = typeof body === 'string' || body instanceof Uint8Array;
      const payload = raw ? body : JSON.stringify(body);
      const type = raw ? {} : { 'content-type': 'application/json' };
      const sized = { 'content-length': `${Buffer.byteLength(payload)}` };
      response.writeHead(status, {
        ...type,
        ...(status === 204 || status === 304 ? {} : sized),
        ...headers,
      });
      response.end(payload);
    }, tls);
    server.server.on('connect', (request: IncomingMessage, socket: Duplex) => {
      tunnels.set(socket, request.url as string);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.server.emit('connection', socket);
    });
    this.#servers.push(server);
    this.origins.set(host, server.url);
  }
}

const missing: Route = ({ request: { method, url } }) => ({
  status: 404,
  body: `there is no ${method} ${url}`,
});
