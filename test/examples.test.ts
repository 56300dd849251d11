import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { assertNoLeaks } from './support/leaks.ts';
import { okServer } from './support/ok-server.ts';

assertNoLeaks(t);

/** Whether there are colours is for the demo to decide. */
const PLAIN = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `npm start` runs, in a process of its own. */
function demo(args: readonly string[], nodeArgs: readonly string[] = []): Promise<Ended> {
  const program = fileURLToPath(new URL('../examples/demo.js', import.meta.url));
  return new Promise((resolve) => {
    const argv = [...nodeArgs, program, ...args];
    execFile(process.execPath, argv, { env: PLAIN }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** The part of the output about one request, from its heading on. */
function partAbout(stdout: string, heading: string): string {
  const parts = stdout.split(/\n\n(?=\S)/);
  return parts.find((part) => part.startsWith(`${heading} ─`)) ?? '';
}

t.test('the demo shows every layer at work, on a server of its own', async (t) => {
  const { code, stdout, stderr } = await demo([]);
  t.equal(stderr, '');
  t.equal(code, 0);
  t.notMatch(stdout, '\x1b', 'where there is no terminal there are no colours');
  t.strictSame(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
    'it fits 80 columns',
  );
  t.match(stdout, /<watch → RedirectMiddleware → watch → CookieMiddleware → watch →\n/);

  await t.test('a redirect, and a cookie on its way', async (t) => {
    const part = partAbout(stdout, 'GET /');
    const time = String.raw` +\d+(\.\d+)? m?s\n`;
    t.match(part, new RegExp(`RedirectMiddleware +followed 302 Found to /hello${time}`));
    t.match(part, new RegExp(`CookieMiddleware +stored cookie visitor${time}`));
    t.match(part, new RegExp(`GET / → 302 Found${time} +on a new connection: tcp `));
    t.match(part, new RegExp(`CookieMiddleware +sent cookie visitor${time}`));
    t.match(part, new RegExp(`GET /hello → 200 OK${time} +on a connection that was kept\n`));
    t.match(part, '{"hello":"world","cookie":"visitor=7"}', 'the server has it back');
    t.match(part, new RegExp(`in all +200 OK${time}`));
    t.match(part, '<ConnectionPool [0 active, 1 idle]>');
  });

  await t.test('JSON, there and back', async (t) => {
    const part = partAbout(stdout, 'POST /orders');
    t.match(part, 'POST /orders → 201 Created');
    t.match(part, '{"number":1001,"ordered":');
  });

  await t.test('compression', async (t) => {
    const part = partAbout(stdout, 'GET /catalogue');
    t.match(part, /DecodeMiddleware +\+ accept-encoding: gzip/);
    t.match(part, 'decodes gzip');
    t.match(part, /body +3\.\d kB, application\/json/, 'so much came');
    t.match(part, 'decoded: 27.6 kB', 'and so much it is');
  });

  await t.test('many requests over few connections', async (t) => {
    const part = partAbout(stdout, '8 × GET /slow');
    t.match(part, /first answer +<ConnectionPool \[\d active, \d idle, \d waiting\]>/);
    t.match(part, '3 connections opened for it', 'beside the one that was there');
    t.match(part, '<ConnectionPool [0 active, 4 idle]>');
  });

  await t.test('a download', async (t) => {
    const part = partAbout(stdout, 'GET /archive');
    t.match(part, '<ConnectionPool [1 active, 3 idle]>', 'the connection is held by the response');
    for (const quarter of [25, 50, 75]) t.match(part, ` ${quarter} % `);
    t.match(part, /█{30} 100 % {2}50\.0 MB of 50\.0 MB {2}[\d.]+ [MG]B\/s\n/);
    t.match(part, /in \d+ pieces of at most [\d.]+ kB/);
    t.match(part, '<ConnectionPool [0 active, 4 idle]>', 'it is free again');
  });
});

t.test('in a terminal the progress is one line', async (t) => {
  await using server = await okServer((_, response) => {
    response.writeHead(200, { 'content-length': 10 }).end('0123456789');
  });
  const terminal = 'Object.assign(process.stdout, { isTTY: true, hasColors: () => true })';
  const { code, stdout } = await demo(
    [server.url],
    ['--import', `data:text/javascript,${encodeURIComponent(terminal)}`],
  );
  t.equal(code, 0);
  t.match(stdout, '\x1b[36m  RedirectMiddleware', 'with colours');
  const [bar = ''] = stdout.split('\n').filter((line) => line.includes('█'));
  t.ok(bar.startsWith('\r'), 'drawn over what was there');
  t.match(bar, ' 100 %  10 B of 10 B ');
  t.ok(bar.endsWith('\x1b[K'), 'and nothing of it is left');
});

t.test('the demo visits a server that it is given', async (t) => {
  const asked: string[] = [];
  await using server = await okServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(request.url === '/here' ? 200 : 302, {
      location: '/here',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': 5,
      'set-cookie': 'seen=1',
    });
    response.end(request.method === 'HEAD' ? '' : 'there');
  });
  const { code, stdout, stderr } = await demo([`${server.url}/there?q=1`]);
  t.equal(stderr, '');
  t.equal(code, 0);
  t.strictSame(asked, ['GET /there?q=1', 'GET /here', 'HEAD /there?q=1', 'HEAD /here']);
  t.equal(server.connections, 1);
  const get = partAbout(stdout, 'GET /there?q=1');
  t.match(get, 'followed 302 Found to /here');
  t.match(get, 'on a new connection: tcp ');
  t.match(get, ' 100 %  5 B of 5 B ');
  t.match(get, /body +5 B, text\/plain /);
  t.match(partAbout(stdout, 'HEAD /there?q=1'), 'on a connection that was kept');
});

t.test('a refused connection is told as such', async (t) => {
  const server = await okServer();
  await server[Symbol.asyncDispose]();
  const { code, stdout, stderr } = await demo([`${server.url}/?token=secret`]);
  t.equal(code, 1);
  t.match(stdout, 'GET /?token=secret failed', 'how far it got');
  t.match(stderr, `ERR_CONNECT  GET ${server.url}/: no connection: `);
  t.match(stderr, 'ECONNREFUSED');
  t.notMatch(stderr, 'secret', 'errors end up in logs');
  t.notMatch(stderr, /^ +at /m, 'no stack');
});

t.test('a download that is cut short is an error', async (t) => {
  await using server = await okServer((_, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('01234', () => response.destroy());
  });
  const { code, stdout, stderr } = await demo([server.url]);
  t.equal(code, 1);
  t.match(stdout, '50 %  5 B of 10 B');
  t.match(stderr, /^ERR_\w+ {2}GET http:\S+: .*5 of 10 bytes/m);
});

t.test('what is not a URL is told, with the usage', async (t) => {
  const bad: [args: string[], message: RegExp][] = [
    [['example.com'], /ERR_INVALID_URL {2}not an absolute URL: "example\.com"/],
    [['ftp://example.com/'], /ERR_INVALID_URL {2}expected http: or https:, got ftp:/],
    [['http://a/', 'http://b/'], /^usage/],
  ];
  for (const [args, message] of bad) {
    const { code, stdout, stderr } = await demo(args);
    t.equal(code, 2, args.join(' '));
    t.match(stderr, message);
    t.match(stderr, 'usage: npm start [-- URL]');
    t.equal(stdout, '');
  }
  t.equal((await demo(['--help'])).code, 0);
});
