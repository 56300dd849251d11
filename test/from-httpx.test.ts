import { readFileSync } from 'node:fs';
import t from 'tap';
import * as library from '../src/index.ts';
import { documents, extract, type Block } from './documents/blocks.ts';

// This file runs as build/test/from-httpx.test.js. That the blocks run, and print what they say, is in readme.test.ts.
const root = new URL('../../', import.meta.url);
const FILE = 'docs/from-httpx.md';
const page = readFileSync(new URL(FILE, root), 'utf8');

/**
 * What the pages of httpx show of its client, in their order: the heading it stands under here, and, of the programs under that
 * heading, what shows it.
 */
const FEATURES: readonly (readonly [heading: string, ...shown: (readonly [string, RegExp])[]])[] = [
  // Advanced usage, Clients: 0.13 to 0.28.
  [
    'Client instances',
    ['a call of the module has a client of its own', /await get\('/],
    ['a client keeps its connections', /connections\.map/],
  ],
  [
    'Usage',
    ['a scope', /await using client = new Client\(\)/],
    ['closing by hand', /finally \{\n {2}await client\.close\(\)/],
  ],
  [
    'Making requests',
    ['a response describes itself', /<Response \[200 OK\]>/],
    ['headers of a request', /response\.request\.headers\.get\('X-Custom'\)/],
  ],
  ['Sharing configuration across requests', ['headers of all requests', /'user-agent': 'my-app/]],
  [
    'Merging of configuration',
    ['headers are joined', /from-client from-request/],
    ['params are joined', /client_id=client1&request_id=request1/],
    ['cookies are joined', /theme=dark; lang=en/],
    ['all else is replaced', /alice:ecila123/],
  ],
  ['Other client-only options', ['a base URL', /baseUrl: /]],
  [
    'Character sets',
    ['what a response is decoded with', /response\.encoding/],
    ['an explicit encoding', /defaultEncoding: 'shift_jis'/],
    ['detection', /defaultEncoding: \(bytes\) => detect\(bytes\)/],
  ],
  [
    'Calling into web apps',
    ['an app as a transport', /new AppTransport\(app\)/],
    ['its exceptions as a 500', /raiseAppErrors: false/],
    ['where it is mounted', /mountPath: '/],
    ['who its client is', /clientAddress: '1\.2\.3\.4'/],
  ],
  [
    'Request instances',
    ['a request', /new Request\('GET'/],
    ['is sent', /client\.send\(request\)/],
    ['is built by the client', /client\.buildRequest\(/],
    ['and changed', /headers\.without\('X-Api-Key'\)/],
  ],
  [
    'netrc',
    ['the file of the environment', /process\.env\['NETRC'\] = /],
    ['no trust in it', /trustEnv: false/],
    ['a file by its name', /new NetrcAuth\('/],
  ],
  [
    'HTTP proxying',
    ['by host and scheme', /'http:\/\/example\.com': 'https:\/\/host-and-scheme/],
    ['by host', /'all:\/\/example\.com': /],
    ['by scheme', /\bhttp: '/],
    ['for all', /\ball: '/],
    ['one for all, with credentials', /proxy: 'https:\/\/username:password@/],
    ['a mode', /new Proxy\(.*mode: 'tunnel'/],
  ],
  [
    'Timeouts',
    ['of a request', /get\('.*', \{ timeout: 10_000 \}\)/],
    ['none of a request', /byDefault\.get\('.*', \{ timeout: null \}\)/],
    ['of a client', /new Client\(\{ timeout: 10_000 \}\)/],
    ['none of a client', /new Client\(\{ timeout: null \}\)/],
    ['each by itself', /connect: 60_000, read: 10_000, write: 10_000, pool: 10_000/],
    ['its error', /ReadTimeoutError/],
  ],
  [
    'Monitoring download progress',
    ['bytes on the wire', /response\.bytesDownloaded/],
    ['a bar', /bar\.update\(/],
  ],
  [
    'Monitoring upload progress',
    ['a generator as a body', /body: counted\(\)/],
    ['a bar', /bar\.increment\(/],
  ],
  ['Pool limits', ['limits', /limits: \{ maxKeepaliveConnections: 5, maxConnections: 10 \}/]],
  [
    'Multipart files',
    ['name, content and type', /\['report\.xls', createReadStream\('.*'\), 'application\/vnd\./],
    ['fields beside them', /form: \{ title: /],
    ['a type that is guessed', /guessed: report\.xls, application\/vnd\.ms-excel/],
    ['a type that cannot be guessed', /report\.7q, application\/octet-stream/],
    ['no name', /\[null, 'text content', 'text\/plain'\]/],
    ['several of one field', /\['images', \['foo\.png', [^]*\['images', \['bar\.png', /],
  ],
  [
    'Customizing authentication',
    ['a pair', /sent\(\['user', 'pass'\]\)/],
    ['a scheme', /new BasicAuth\(/],
    ['a function', /sent\(\(request\) => request\.with\(/],
    ['a scheme of one’s own', /class MyCustomAuth extends Auth/],
    ['a flow of several requests', /const response = yield request/],
    ['the body of the request', /get requiresRequestBody/],
    ['the body of the response', /get requiresResponseBody/],
    ['another request in between', /yield this\.#refreshRequest\(\)/],
  ],
  [
    'SSL certificates',
    ['an authority', /tls: \{ ca: 'client\.pem' \}/],
    ['a context', /tls: \{ secureContext \}/],
    ['no check', /tls: \{ verify: false \}/],
  ],
  ['Custom transports', ['somebody else’s connections', /new UndiciTransport\(new Agent\(\)\)/]],
  // 1.0: Clients.
  ['The client shows its connections', ['how many', /inspect\(client\)\); \/\/ .*3 idle/]],
  ['Setting a base URL', ['a base URL', /baseUrl: /]],
  ['Setting client headers', ['the defaults are replaced', /dev gzip undefined/]],
  [
    'Configuring the connection pool',
    ['TLS and the number of connections', /new ConnectionPool\(\{ tls: .*, limits: /],
    ['the network backend', /new ConnectionPool\(\{ network \}\)/],
  ],
  [
    'Sending requests',
    ['any method', /client\.request\('/],
    ['shorthands', /client\.get\([^]*client\.post\([^]*client\.put\([^]*client\.delete\(/],
    ['a stream', /client\.stream\('GET'/],
  ],
  ['Transports', ['one of one’s own', /extends Transport \{/]],
  [
    'Middleware',
    ['redirects and cookies', /new RedirectMiddleware\(new CookieMiddleware\(new Conn/],
  ],
  [
    'Custom client implementations',
    ['a class over layers', /new RedirectMiddleware\(new ConnectionPool\(\)\)/],
    ['a JSON body', /new JSONContent\(payload\)/],
  ],
];

/** The text under each heading, in order. The first has none above it. */
const sections = page
  .split(/^#{1,2} (?!From httpx$|httpx 1\.0)/m)
  .slice(1)
  .map((text) => ({ heading: text.split('\n', 1)[0] as string, blocks: extract(FILE, text) }));

t.test('the page has what httpx shows, in its order, and nothing else', async (t) => {
  t.strictSame(
    sections.map(({ heading }) => heading),
    FEATURES.map(([heading]) => heading),
  );
});

for (const [at, [heading, ...shown]] of FEATURES.entries()) {
  t.test(`${heading}: all of it is shown by programs`, async (t) => {
    const blocks = sections[at]?.blocks ?? [];
    for (const [feature, pattern] of shown) t.match(codeOf(blocks), pattern, feature);
  });
}

t.test('each program is run by the test of the documents', async (t) => {
  t.ok(documents(root).includes(FILE));
  for (const { line, excuse } of extract(FILE, page)) t.equal(excuse, null, `line ${line}`);
});

t.test('the names in the table are there', async (t) => {
  const here = Array.from(page.matchAll(/^\| `.*? \| (.*?) \|$/gm), ([, cell = '']) => cell);
  const names = here.flatMap((cell) =>
    Array.from(cell.matchAll(/`(?:new )?([A-Z]\w+)(?=[`(])|`(get|stream|del)\(/g), (match) =>
      String(match[1] ?? match[2]),
    ),
  );
  t.ok(names.length > 12, names.join());
  for (const name of names) t.ok(name in library, name);
  const members = here.flatMap((cell) =>
    Array.from(
      cell.matchAll(
        /\bresponse\.(\w+)|`\.?(iter\w+|text|json|raiseForStatus|history|next\w+|elapsed)\b/g,
      ),
      (match) => String(match[1] ?? match[2]),
    ),
  );
  const response = new library.Response(200, { text: '' });
  t.ok(members.length > 12, members.join());
  for (const name of members) t.ok(name in response, name);
});

function codeOf(blocks: readonly Block[]): string {
  return blocks.map(({ code }) => code).join('\n');
}
