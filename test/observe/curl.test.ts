import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import type { Content } from '../../src/messages/content/content.ts';
import { FileContent } from '../../src/messages/content/file.ts';
import { JSONContent, TextContent } from '../../src/messages/content/memory.ts';
import { MultipartContent } from '../../src/messages/content/multipart.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { toCurl, type CurlOptions } from '../../src/observe/curl.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { random } from '../support/random.ts';

assertNoLeaks(t);

const URL = 'https://h.test/x';

function curl(method: string, init: RequestInit = {}, options?: CurlOptions, url = URL): string {
  return toCurl(new Request(method, url, init), options);
}

t.test('a GET is its URL', (t) => {
  t.equal(curl('GET'), 'curl https://h.test/x');
  t.equal(
    curl('GET', {}, {}, 'https://h.test/x?a=1&b=2'),
    "curl 'https://h.test/x?a=1&b=2'",
    'quoted where it must be',
  );
  t.equal(
    curl('GET', { headers: { 'X-A': "it's" } }),
    `curl https://h.test/x \\\n  -H 'X-A: it'\\''s'`,
  );
  t.end();
});

t.test('the method is named where curl would use another one', (t) => {
  t.equal(curl('DELETE'), 'curl https://h.test/x \\\n  -X DELETE');
  t.equal(curl('HEAD'), 'curl https://h.test/x \\\n  --head');
  t.equal(curl('POST'), 'curl https://h.test/x \\\n  -X POST');
  t.match(curl('POST', { json: 1 }), /^(?!.*-X)/s);
  t.match(curl('PUT', { json: 1 }), '-X PUT');
  t.match(curl('GET', { json: 1 }), '-X GET');
  t.equal(
    curl('OPTIONS', { target: '*' }),
    `curl https://h.test/x \\\n  --request-target '*' \\\n  -X OPTIONS`,
  );
  t.end();
});

t.test('credentials are not shown, unless that is asked for', (t) => {
  const url =
    'https://ada:hunter2@h.test/x?page=2&api_key=hunter2&sig=hunter2&hunter2&access%5Ftoken=hunter2';
  const headers = { cookie: 'a=hunter2', 'x-api-key': 'hunter2', 'x-own': 'hunter3' };
  const hidden = curl('GET', { headers }, {}, url);
  t.notMatch(hidden.replace('&hunter2&', '&&'), /hunter2|YWRhOmh1bnRlcjI/);
  t.match(
    hidden,
    "'https://h.test/x?page=2&api_key=REDACTED&sig=REDACTED&hunter2&access%5Ftoken=REDACTED'",
  );
  t.match(hidden, "-H 'cookie: REDACTED'");
  t.match(hidden, "-H 'authorization: REDACTED'");
  t.match(hidden, "-H 'x-own: hunter3'");
  t.match(curl('GET', { headers }, { redact: ['x-own'] }, url), "-H 'x-own: REDACTED'");
  const shown = curl('GET', { headers }, { redact: false }, url);
  t.match(shown, 'api_key=hunter2&sig=hunter2');
  t.match(shown, "-H 'cookie: a=hunter2'");
  t.match(shown, "-H 'authorization: Basic YWRhOmh1bnRlcjI='");
  t.throws(() => curl('GET', {}, { redact: 'x' as never }), {
    name: 'TypeError',
    message: 'redact: expected a list of names and patterns',
  });
  t.end();
});

t.test('Accept-Encoding is --compressed', (t) => {
  const of = (value: string): string => curl('GET', { headers: { 'accept-encoding': value } });
  t.equal(of('gzip, br'), 'curl https://h.test/x \\\n  --compressed');
  t.equal(of('identity'), "curl https://h.test/x \\\n  -H 'accept-encoding: identity'");
  t.end();
});

t.test('a body is what it is: text, bytes, a file, or what comes in', (t) => {
  const data = (body: RequestInit['body']): string | undefined =>
    curl('POST', { body }).split('\n  ').at(-1);
  t.equal(data('a b'), "--data-raw 'a b'");
  t.equal(data('@file'), '--data-raw @file');
  t.equal(data(''), "--data-raw ''");
  t.equal(data('%d\n'), "--data-raw '%d\n'");
  t.equal(data('a\tb\n\n'), `--data-raw "$(printf 'a\\011b')"'\n\n'`);
  t.equal(data(new FileContent('package.json')), '--data-binary @package.json');
  t.equal(data(['a', 'b']), '--data-binary @-');
  t.equal(data('x'.repeat(70_000)), '--data-binary @-');
  const binary = curl('POST', { body: new Uint8Array([0, 37, 39, 92, 255, 65]) });
  t.match(binary, /^printf '\\000%%\\047\\134\\377A' \| curl /);
  t.match(binary, /--data-binary @-$/);
  t.end();
});

t.test('nothing in it is acted upon when it is pasted', (t) => {
  const nasty = 'a\rb\u001b[201~rm -rf\t\u0007\u0085\u202e';
  // oxlint-disable-next-line no-control-regex
  t.notMatch(curl('POST', { body: nasty }), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  t.end();
});

t.test('a form is -F, a part each', (t) => {
  const form = new MultipartContent({
    'a b': 'plain @ text',
    at: '@not-a-file',
    number: 7,
    json: new JSONContent({ a: '1;"2"' }),
    text: ['notes.txt', 'one\ntwo'],
    file: new FileContent('package.json'),
  });
  t.equal(
    curl('POST', { body: form }),
    [
      'curl https://h.test/x',
      `--form-string 'a b=plain @ text'`,
      '--form-string at=@not-a-file',
      '--form-string number=7',
      `-F 'json="{\\"a\\":\\"1;\\\\\\"2\\\\\\"\\"}";type=application/json'`,
      `-F 'text="one\ntwo";filename="notes.txt";type=text/plain'`,
      `-F 'file=@"package.json";filename="package.json";type=application/json'`,
    ].join(' \\\n  '),
  );
  t.end();
});

t.test('a form with a part that curl cannot be told is sent as it is', (t) => {
  for (const [why, fields] of [
    ['a name with =', { 'a=b': '1' }],
    ['a name with quotes', { 'a"b': '1' }],
    ['headers', { a: ['f.txt', '1', 'text/plain', { 'x-a': '1' }] as const }],
  ] as const) {
    const text = curl('POST', { body: new MultipartContent(fields, { boundary: 'bound' }) });
    t.match(text, '--data-raw "$(printf \'\\055-bound', why);
    t.match(text, "-H 'content-type: multipart/form-data; boundary=bound'", why);
  }
  const binary = new MultipartContent({ a: new Uint8Array([0, 1]) });
  t.match(curl('POST', { body: binary }), /^printf '.*\| curl /, 'bytes');
  const streamed = new MultipartContent({ a: ['f', ['x']] });
  t.match(curl('POST', { body: streamed }), /--data-binary @-$/, 'a stream');
  t.end();
});

// ── what curl makes of it ───────────────────────────────────────────────────────────────────────

function missing(program: string): string | false {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return `there is no ${program}`;
  }
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Runs commands with sh; resolves to what a server sees of each. */
async function run(
  make: (origin: string) => Request,
  options?: CurlOptions,
  input: string | Uint8Array = '',
): Promise<Seen> {
  let seen: Seen | undefined;
  await using server = await okServer(async (request, response) => {
    const { method, url, headers } = request;
    seen = { method, url, headers, body: await buffer(request) };
    response.end();
  });
  const command = toCurl(make(server.url), options).replace('curl ', 'curl -sS --noproxy "*" ');
  await new Promise<void>((resolve, reject) => {
    const child = execFile('sh', ['-c', command], (error, _, stderr) =>
      error === null && stderr === '' ? resolve() : reject(new Error(`${command}\n${stderr}`)),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
  if (seen === undefined) throw new Error(`nothing was sent by ${command}`);
  return seen;
}

t.test('curl sends what the command says', { skip: missing('curl') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strata curl '));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a "file", of; mine.txt');
  writeFileSync(path, 'in the file');

  await t.test('method, URL and headers', async (t) => {
    const headers = {
      'X-Quotes': `it's "so" $HOME \`id\` \\n %s !`,
      'X-Empty': '',
      'X-Latin': 'caf\u00e9',
      'X-Tab': 'a\tb',
      Accept: 'text/plain',
      'User-Agent': 'me',
    };
    const target = "/x/[a]{b}?q=[1-3]&s='$(id)'&x=%20";
    const seen = await run((origin) => new Request('PATCH', origin + target, { headers }), {
      redact: false,
    });
    t.equal(seen.method, 'PATCH');
    t.equal(seen.url, new globalThis.URL(target, 'http://h/').href.slice('http://h'.length));
    t.match(seen.headers, {
      'x-quotes': headers['X-Quotes'],
      'x-empty': '',
      'x-tab': 'a\tb',
      accept: 'text/plain',
      'user-agent': 'me',
    });
    t.equal(Buffer.from(seen.headers['x-latin'] as string, 'latin1').toString(), 'café');
    t.equal(seen.headers['content-type'], undefined);
    const head = await run((origin) => new Request('HEAD', origin));
    t.equal(head.method, 'HEAD');
  });

  await t.test('bodies of any content', async (t) => {
    const chance = random(11);
    const bodies: (string | Uint8Array)[] = [
      '',
      'plain',
      '@file',
      'a\r\nb\tc\n\n',
      '\n',
      '{"text":"it\'s \\"so\\" é ✓ 😀"}',
      '%s %d \\101 \\\\ $x `id` $(id) !!',
      '\ufeffmark',
      '\u0000',
      Uint8Array.from({ length: 256 }, (_, at) => at),
      ...Array.from({ length: 10 }, () => chance.bytes(chance.int(1, 300))),
    ];
    for (const body of bodies) {
      const seen = await run((origin) => new Request('POST', origin, { body }));
      t.same(seen.body, Buffer.from(body as string), JSON.stringify(body));
      t.equal(seen.method, 'POST');
      const type = typeof body === 'string' ? 'text/plain;charset=UTF-8' : undefined;
      t.equal(seen.headers['content-type'], type);
    }
  });

  await t.test('a file, and a stream', async (t) => {
    const seen = await run((origin) => new Request('PUT', origin, { body: new FileContent(path) }));
    t.match(seen, { method: 'PUT', headers: { 'content-type': 'text/plain' } });
    t.equal(seen.body.toString(), 'in the file');
    const piped = await run((origin) => new Request('PUT', origin, { body: ['a'] }), {}, 'piped');
    t.equal(piped.body.toString(), 'piped');
  });

  await t.test('forms', async (t) => {
    const fields: ConstructorParameters<typeof MultipartContent>[0] = {
      'a b': ' @plain; "text" \\ é\n',
      json: new JSONContent({ a: '1;"2"\\' }),
      text: ['notes, "of".txt'.replaceAll('"', "'"), '<one>\ntwo;\\'],
      html: ['x.html', new TextContent('<b>')],
      file: [`mine.txt`, new FileContent(path)],
    };
    const seen = await run((origin) => new Request('POST', origin, { multipart: fields }));
    const boundary = /boundary=(.+)$/.exec(seen.headers['content-type'] as string)?.[1] as string;
    const expected: Content = new MultipartContent(fields, { boundary });
    let text = '';
    for await (const piece of expected.stream()) text += Buffer.from(piece).toString();
    t.strictSame(withoutOrder(seen.body.toString()), withoutOrder(text));
  });

  await t.test('a form that cannot be told', async (t) => {
    const fields = { 'a"b': 'x\n', c: new Uint8Array([0, 255]) };
    const form = new MultipartContent(fields, { boundary: 'bound' });
    const seen = await run((origin) => new Request('POST', origin, { body: form }));
    t.same(seen.body, Buffer.from(form.bytes!()));
    t.equal(seen.headers['content-type'], 'multipart/form-data; boundary=bound');
  });
});

/** Parts, whose header fields may come in any order. */
function withoutOrder(body: string): string[][] {
  return body.split('\r\n--').map((part) => part.split('\r\n').sort());
}
