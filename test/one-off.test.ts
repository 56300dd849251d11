import t from 'tap';
import { del, get, head, options, patch, post, put, request, stream } from '../src/one-off.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { type Echo, okServer } from './support/ok-server.ts';
import { rejection } from './support/rejection.ts';
import {
  connection,
  hang,
  lines,
  ok,
  repeat,
  reply,
  ScriptServer,
} from './support/script-server.ts';

assertNoLeaks(t);

const SHORTHANDS = [
  ['GET', get],
  ['OPTIONS', options],
  ['POST', post],
  ['PUT', put],
  ['PATCH', patch],
  ['DELETE', del],
] as const;

t.test(
  'there is a function for each common method, which reads the response to its end',
  async (t) => {
    await using server = await okServer();
    for (const [method, send] of SHORTHANDS) {
      const response = await send(`${server.url}/x`, {
        body: 'hello',
        params: { a: 1 },
      });
      t.equal(response.isRead, true);
      t.match(await response.json<Echo>(), { method, url: '/x?a=1', body: 'hello' });
    }
    t.equal((await head(server.url)).status, 200);
    t.match(await (await request('REPORT', server.url)).json(), { method: 'REPORT' });
  },
);

t.test(
  'a one-off follows redirects, with the cookies set on the way, and closes its connection behind it',
  async (t) => {
    await using server = await ScriptServer.start(({ target }) =>
      target === '/'
        ? lines(
            'HTTP/1.1 302 Found',
            'Location: /b',
            'Set-Cookie: c=1',
            'Content-Length: 0',
            '',
            '',
          )
        : ok('hello'),
    );
    t.equal(await (await get(server.url)).text(), 'hello');
    t.equal(server.requests[1]?.header('cookie'), 'c=1');
    await server.connectionClosed(1);
    await get(server.url);
    t.equal(server.requests[2]?.header('cookie'), undefined, 'nothing is kept for the next one');
    t.equal(server.connections.count, 2);
  },
);

t.test(
  'a streamed one-off closes its connection when the response has ended, or is closed',
  async (t) => {
    await using server = await ScriptServer.start([
      repeat(
        connection(
          reply(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'start')),
          (wire) => wire.received('more'),
          hang(),
        ),
      ),
    ]);
    {
      await using response = await stream('GET', server.url);
      t.equal(response.isRead, false);
      for await (const piece of response) {
        t.equal(Buffer.from(piece).toString(), 'start');
        t.equal(server.connections.open, 1);
        break;
      }
    }
    await server.connectionClosed(1);

    await using other = await ScriptServer.start(() => ok('x'.repeat(100_000)));
    const whole = await stream('GET', other.url);
    t.equal((await whole.bytes()).length, 100_000);
    await other.connectionClosed(1);
  },
);

t.test('a one-off that fails leaves nothing behind', async (t) => {
  await using server = await ScriptServer.start([
    connection(reply('not HTTP\r\n\r\n')),
    connection(reply(lines('HTTP/1.1 200 OK', 'Content-Length: 9', '', 'cut')), (wire) =>
      wire.close(),
    ),
  ]);
  await t.rejects(get(server.url), { name: 'RemoteProtocolError' });
  await t.rejects(get(server.url), { code: /^ERR_(READ|REMOTE_PROTOCOL)$/ });
  const reason = new Error('enough');
  t.equal(await rejection(get(server.url, { signal: AbortSignal.abort(reason) })), reason);
  await t.rejects(get('/x'), { name: 'InvalidURLError' });
  await t.rejects(get(server.url, { headers: { a: 'b\n' } }), TypeError);
  await server.connectionClosed(1);
  await server.connectionClosed(2);
  t.equal(server.connections.count, 2);
});
