import { inspect } from 'node:util';
import t from 'tap';
import { BasicAuth } from '../../src/auth/basic.ts';
import { BearerAuth } from '../../src/auth/bearer.ts';
import { AuthMiddleware } from '../../src/middleware/auth.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

/** What is sent as Authorization. */
async function sentWith(auth: BasicAuth | BearerAuth): Promise<string | null | undefined> {
  const server = new StubTransport();
  await new AuthMiddleware(server, auth).request('GET', 'http://h/');
  return server.requests[0]?.headers.get('authorization');
}

t.test('Basic is user and password in UTF-8', async (t) => {
  t.equal(
    await sentWith(new BasicAuth('Aladdin', 'open sesame')),
    'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  );
  t.equal(
    await sentWith(new BasicAuth('test', '123\u00a3')),
    'Basic dGVzdDoxMjPCow==',
    'RFC 7617 §2.1',
  );
  t.equal(await sentWith(new BasicAuth('', 'a:b')), `Basic ${btoa(':a:b')}`);
});

t.test('Basic refuses what it cannot say, and does not repeat it', async (t) => {
  for (const [user, password, message] of [
    ['s3:cret', 's3cret', /no colon/],
    [7, 's3cret', /expected a string as user, got number/],
    ['s3cret', null, /expected a string as password, got null/],
  ] as [string, string, RegExp][]) {
    t.throws(() => new BasicAuth(user, password), { name: 'TypeError', message });
    t.throws(() => new BasicAuth(user, password), { message: /^(?!.*s3)/ });
  }
});

t.test('Bearer is a token, or what a function gives for each call', async (t) => {
  t.equal(await sentWith(new BearerAuth('abc')), 'Bearer abc');
  let calls = 0;
  const auth = new BearerAuth(async () => `t${++calls}`);
  t.equal(await sentWith(auth), 'Bearer t1');
  t.equal(await sentWith(auth), 'Bearer t2');
});

t.test('Bearer refuses a token that is none, and does not repeat it', async (t) => {
  for (const token of ['', 's3 cret', 's3cret\r\nx: y', 's3\u00e9', 7, undefined] as string[]) {
    t.throws(() => new BearerAuth(token), { name: 'TypeError', message: /^BearerAuth: (?!.*s3)/ });
    const error = await rejection(sentWith(new BearerAuth(() => token)), TypeError);
    t.notMatch(error.message, /s3/);
  }
  const failure = new Error('no token today');
  t.equal(await rejection(sentWith(new BearerAuth(() => Promise.reject(failure)))), failure);
});

t.test('neither shows what it knows', async (t) => {
  t.equal(inspect(new BasicAuth('ada', 's3cret'), { depth: 9 }), '<BasicAuth>');
  t.equal(inspect(new BearerAuth('s3cret'), { depth: 9 }), '<BearerAuth>');
  t.equal(JSON.stringify([new BasicAuth('ada', 's3cret'), new BearerAuth('s3cret')]), '[{},{}]');
});
