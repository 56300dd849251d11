import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import t from 'tap';
import { AuthError } from '../../src/auth/failure.ts';
import { NetrcAuth } from '../../src/auth/netrc.ts';
import { Client } from '../../src/client.ts';
import { AuthMiddleware } from '../../src/middleware/auth.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

const folder = t.testdir({
  netrc: 'machine a.test login u password s3cret\nmachine ::1 login six password p\n',
  '.netrc': 'machine a.test login home password p',
});
const file = join(folder, 'netrc');
const sent = ({ requests }: StubTransport): (string | null)[] =>
  requests.map(({ headers }) => headers.get('authorization'));
const basic = (credentials: string): string => `Basic ${btoa(credentials)}`;

/** Sets the environment's variables for one test. */
function environment(
  t: { teardown(back: () => void): unknown },
  variables: Record<string, string>,
): void {
  const before = { ...process.env };
  delete process.env['NETRC'];
  Object.assign(process.env, variables);
  t.teardown(() => {
    for (const name of ['NETRC', 'HOME', 'USERPROFILE']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}

t.test('a host that is in the file gets its credentials, another none', async (t) => {
  const server = new StubTransport();
  const transport = new AuthMiddleware(server, new NetrcAuth(file));
  for (const url of [
    'http://a.test:8080/',
    'http://A.TEST/',
    'http://[::1]:1/',
    'http://b.test/',
  ]) {
    await transport.request('GET', url);
  }
  t.strictSame(sent(server), [basic('u:s3cret'), basic('u:s3cret'), basic('six:p'), null]);
});

t.test('the file is read once', async (t) => {
  const path = join(folder, 'changing');
  writeFileSync(path, 'machine a.test login old password p');
  const server = new StubTransport();
  const transport = new AuthMiddleware(server, new NetrcAuth(path));
  await transport.request('GET', 'http://a.test/');
  writeFileSync(path, 'machine a.test login new password p');
  await transport.request('GET', 'http://a.test/');
  t.strictSame(sent(server), [basic('old:p'), basic('old:p')]);
});

t.test(
  'a file that was named and is not there is an error; one that was looked for is not',
  async (t) => {
    const named = new AuthMiddleware(new StubTransport(), new NetrcAuth(join(folder, 'none')));
    const error = await rejection(named.request('GET', 'http://a.test/'), AuthError);
    t.match(error.message, /netrc file cannot be read/);
    t.match(error.cause, { code: 'ENOENT' });

    environment(t, { NETRC: join(folder, 'none'), HOME: folder, USERPROFILE: folder });
    const server = new StubTransport();
    await new AuthMiddleware(server, new NetrcAuth()).request('GET', 'http://a.test/');
    t.strictSame(sent(server), [null], 'and NETRC stands instead of the file at home');
  },
);

t.test('a client uses what the environment has where nobody says who asks', async (t) => {
  environment(t, { NETRC: file });
  const server = new StubTransport();
  const url = 'http://a.test/';
  const client = new Client({ transport: server });
  await client.get(url);
  await client.get(url, { auth: null });
  await client.get(url, { auth: ['own', 'p'] });
  await client.get(url, { headers: { authorization: 'mine' } });
  await client.get('http://x:y@a.test/');
  await client.get('http://b.test/');
  await new Client({ transport: server, auth: ['own', 'p'] }).get(url);
  await new Client({ transport: server, auth: null }).get(url);
  t.strictSame(sent(server), [
    basic('u:s3cret'),
    null,
    basic('own:p'),
    'mine',
    basic('x:y'),
    null,
    basic('own:p'),
    null,
  ]);
});

t.test('the file at home is found, and NETRC may be below it', async (t) => {
  for (const [variables, expected] of [
    [{}, 'home:p'],
    [{ NETRC: '~/netrc' }, 'u:s3cret'],
    [{ NETRC: '' }, 'home:p'],
  ] as const) {
    environment(t, { ...variables, HOME: folder, USERPROFILE: folder });
    const server = new StubTransport();
    await new Client({ transport: server }).get('http://a.test/');
    t.strictSame(sent(server), [basic(expected)]);
  }
});

t.test('without a file a client looks once, and sends requests as they are', async (t) => {
  environment(t, { NETRC: join(folder, 'late') });
  const server = new StubTransport();
  const client = new Client({ transport: server });
  await client.get('http://a.test/');
  writeFileSync(join(folder, 'late'), 'default login late password p');
  await client.get('http://a.test/');
  t.strictSame(sent(server), [null, null]);
});

t.test('an environment that is not trusted is not looked at', async (t) => {
  environment(t, { NETRC: file });
  const server = new StubTransport();
  const middleware = new AuthMiddleware(server);
  await middleware.request('GET', 'http://a.test/');
  t.strictSame(sent(server), [null]);
  t.notMatch(inspect(new Client({ trustEnv: false })), /Auth/);
});

t.test('it does not show what it knows', async (t) => {
  const auth = new NetrcAuth(file);
  await auth.hasEntries();
  t.equal(inspect(auth, { depth: 9 }), '<NetrcAuth>');
  for (const [path, got] of [
    [7, 'number'],
    [null, 'null'],
  ] as const) {
    t.throws(() => new NetrcAuth(path as unknown as string), {
      name: 'TypeError',
      message: `NetrcAuth: expected the path of a file, got ${got}`,
    });
  }
});
