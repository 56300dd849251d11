import { inspect } from 'node:util';
import t from 'tap';
import { AnyAuth } from '../../src/auth/any.ts';
import { Response } from '../../src/messages/response.ts';
import { AuthMiddleware } from '../../src/middleware/auth.ts';
import { StubTransport } from '../support/stub-transport.ts';

const BASIC = 'Basic realm=b';
const DIGEST = 'Digest realm=d, nonce=n, qop=auth';

/** A server that asks for this, and takes what `takes` begins with. */
const server = (asks: string[], takes = /^(Basic|Digest)/): StubTransport =>
  new StubTransport(({ headers }) =>
    takes.test(headers.get('authorization') ?? '')
      ? new Response(200)
      : new Response(401, { headers: { 'www-authenticate': asks } }),
  );
const schemes = ({ requests }: StubTransport): (string | undefined)[] =>
  requests.map(({ headers }) => headers.get('authorization')?.split(' ')[0]);

t.test('the strongest challenge that can be answered is', async (t) => {
  for (const [asks, expected] of [
    [[BASIC], 'Basic'],
    [[BASIC, DIGEST], 'Digest'],
    [[`${DIGEST}, ${BASIC}`], 'Digest'],
    [['Digest realm=d, nonce=n, algorithm=SHA-9', BASIC], 'Basic'],
  ] as const) {
    const asked = server([...asks]);
    const transport = new AuthMiddleware(asked, new AnyAuth('u', 'p'));
    t.equal((await transport.request('GET', 'http://h/')).status, 200);
    t.strictSame(schemes(asked), [undefined, expected]);
  }
});

t.test('nothing is sent to a server that does not ask, or for what is not known', async (t) => {
  const open = server([], /^/);
  await new AuthMiddleware(open, new AnyAuth('u', 'p')).request('GET', 'http://h/');
  t.strictSame(schemes(open), [undefined]);
  const other = server(['Negotiate', 'Bearer realm=x']);
  const transport = new AuthMiddleware(other, new AnyAuth('u', 'p'));
  t.equal((await transport.request('GET', 'http://h/')).status, 401);
  t.strictSame(schemes(other), [undefined]);
});

t.test('a password that was refused as a digest is not given away', async (t) => {
  const asked = server([DIGEST, BASIC], /^never/);
  const transport = new AuthMiddleware(asked, new AnyAuth('u', 'p'));
  t.equal((await transport.request('GET', 'http://h/')).status, 401);
  t.strictSame(schemes(asked), [undefined, 'Digest']);
});

t.test('what Basic was taken for is sent at once, there and below', async (t) => {
  const asked = server([BASIC]);
  const transport = new AuthMiddleware(asked, new AnyAuth('u', 'p'));
  for (const url of ['http://h/a/b', 'http://h/a/c/d?e', 'http://h/x', 'http://other/a/b']) {
    await transport.request('GET', url);
  }
  t.strictSame(schemes(asked), [
    undefined,
    'Basic',
    'Basic',
    undefined,
    'Basic',
    undefined,
    'Basic',
  ]);
});

t.test('it is shown without what it knows, and refuses what Basic cannot say', async (t) => {
  t.equal(inspect(new AnyAuth('u', 's3cret')), '<AnyAuth>');
  t.throws(() => new AnyAuth('a:b', 'p'), { name: 'TypeError', message: /no colon/ });
});
