import t from 'tap';
import { DigestAuth } from '../../src/index.ts';
import type { ProxyOptions } from '../../src/proxy/proxy.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import {
  close,
  connection,
  fin,
  hang,
  ok,
  reply,
  ScriptServer,
  type Step,
} from '../support/script-server.ts';
import { ESTABLISHED, secure, through } from './through.ts';

assertNoLeaks(t);

t.test('407 to CONNECT, and again on the same connection or a new one', async (t) => {
  const challenge =
    'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';
  const digest = (): ProxyOptions => ({ auth: new DigestAuth('user', 'secret') });
  const cases: [name: string, first: Step[], connections: number][] = [
    [
      'kept',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 35000\r\n\r\n${'.'.repeat(35_000)}`,
        ),
      ],
      1,
    ],
    [
      'chunked',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n`,
          { split: 1 },
        ),
      ],
      1,
    ],
    [
      'close',
      [
        reply(`HTTP/1.1 407 x\r\n${challenge}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno`),
        hang(),
      ],
      2,
    ],
    ['until close', [reply(`HTTP/1.1 407 x\r\n${challenge}\r\n\r\nno`), fin(), hang()], 2],
    [
      'HTTP/1.0',
      [reply(`HTTP/1.0 407 x\r\n${challenge}\r\nContent-Length: 2\r\n\r\nno`), hang()],
      2,
    ],
    [
      'too long',
      [
        reply(
          `HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 900000\r\n\r\n${'.'.repeat(900_000)}`,
        ),
        hang(),
      ],
      2,
    ],
    [
      'too slow',
      [reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 9\r\n\r\n.`), hang()],
      2,
    ],
    [
      'kept, but closed when asked',
      [reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 0\r\n\r\n`), close()],
      2,
    ],
    [
      'more than it announced',
      [
        reply(`HTTP/1.1 407 x\r\n${challenge}\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`),
        hang(),
      ],
      2,
    ],
  ];
  for (const [name, first, connections] of cases)
    t.test(name, async (t) => {
      const rest = [reply(ESTABLISHED), secure, reply(ok('in'))];
      await using proxy = await ScriptServer.start(
        connections === 1
          ? [connection(...first, ...rest)]
          : [connection(...first), connection(...rest)],
      );
      await using pool = through(proxy, {}, digest());
      const response = await pool.request('GET', 'https://www.example.test/');
      t.equal(await response.text(), 'in');
      const [one, two, three] = proxy.requests;
      t.equal(one?.header('proxy-authorization'), undefined);
      t.match(
        two?.header('proxy-authorization'),
        /^Digest username="user".*uri="www\.example\.test:443"/,
      );
      t.equal(two?.header('authorization'), undefined);
      t.equal(three?.header('proxy-authorization'), undefined);
      t.equal(proxy.connections.count, connections);
      if (connections > 1) await proxy.connectionClosed(1);
    });
});
