import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get as httpsGet, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectTLS, type TLSSocket } from 'node:tls';
import t from 'tap';
import { collect } from './collect.ts';
import { assertNoLeaks } from './leaks.ts';
import { okServer } from './ok-server.ts';
import { rejection } from './rejection.ts';
import {
  bareConnection,
  close,
  connection,
  fin,
  lines,
  ok,
  refuseHandshake,
  repeat,
  reply,
  reset,
  ScriptServer,
  startTLS,
} from './script-server.ts';
import { ca, clientPFX, encryptedClientKey, identities, passphrase } from './tls.ts';

assertNoLeaks(t);

const tls = identities.server;

async function get(url: string, options: RequestOptions = {}): Promise<string> {
  const request = httpsGet(url, { ca, agent: false, ...options });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await collect(response)).toString();
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return ((await rejection(promise, Error)) as NodeJS.ErrnoException).code;
}

t.test('a script is played over TLS, each piece a read of its own', async (t) => {
  await using server = await ScriptServer.start(
    [connection(reply('abcdef', { split: 2 }), fin())],
    {
      tls,
    },
  );
  const socket = connectTLS({ port: server.port, host: '127.0.0.1', ca });
  const reads: string[] = [];
  socket.on('data', (bytes: Buffer) => reads.push(bytes.toString()));
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await once(socket, 'end');
  t.same(reads, ['ab', 'cd', 'ef']);
});

t.test('resets and truncates TLS connections', async (t) => {
  await using server = await ScriptServer.start(
    [connection(reply('x'), reset()), connection(reply('x'), close())],
    { tls },
  );
  for (const code of ['ECONNRESET', undefined]) {
    const socket = connectTLS({ port: server.port, host: '127.0.0.1', ca });
    let error: NodeJS.ErrnoException | undefined;
    socket.on('error', (reason) => {
      error = reason;
    });
    socket.resume().write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((closed) => socket.once('close', closed));
    t.equal(error?.code, code);
  }
});

t.test('the certificates are good or bad in one respect each', async (t) => {
  const expected = [
    ['server', undefined],
    ['expired', 'CERT_HAS_EXPIRED'],
    ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const;
  for (const [name, code] of expected) {
    await using server = await okServer(undefined, { tls: identities[name] });
    if (code === undefined) t.match(await get(server.url), '"GET"');
    else t.equal(await codeOf(get(server.url)), code);
  }
  await using server = await okServer(undefined, { tls });
  const wildcard: RequestOptions = { servername: 'a.example.test' };
  t.match(await get(server.url, wildcard), '"GET"');
});

t.test('the client certificate is asked for, in each of its forms', async (t) => {
  const mutual = { ...tls, ca, requestCert: true, rejectUnauthorized: true };
  await using server = await ScriptServer.start([repeat(connection(reply(ok())))], { tls: mutual });
  const { cert } = identities.client;
  const forms: ConnectionOptions[] = [
    identities.client,
    { cert, key: encryptedClientKey, passphrase },
    { pfx: clientPFX, passphrase },
  ];
  for (const form of forms) {
    await get(server.url, form);
    const { socket } = await server.connection(server.connections.count);
    t.equal((socket as TLSSocket).getPeerCertificate().subject.CN, 'client');
  }
  t.match(await codeOf(get(server.url)), /CERTIFICATE_REQUIRED|ECONNRESET/);
});

t.test('sessions are resumed across connections', async (t) => {
  await using server = await ScriptServer.start([repeat(connection(reply(ok())))], { tls });
  let session: Buffer | undefined;
  for (const resumed of [false, true]) {
    const options = { port: server.port, host: '127.0.0.1', ca, session };
    const socket = connectTLS(options).on('session', (ticket: Buffer) => {
      session = ticket;
    });
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'data');
    t.equal(socket.isSessionReused(), resumed);
    socket.destroy();
  }
});

t.test('a handshake can be refused, reset or left without an answer', async (t) => {
  await using server = await ScriptServer.start(
    [bareConnection(refuseHandshake()), bareConnection(reset()), bareConnection()],
    { tls },
  );
  t.match(await codeOf(get(server.url)), /EPROTO|ALERT_HANDSHAKE_FAILURE/);
  t.equal(await codeOf(get(server.url)), 'ECONNRESET');
  const unanswered = connectTLS({ port: server.port, host: '127.0.0.1', ca });
  await (await server.connection(3)).received(100);
  unanswered.destroy();
  await server.connectionClosed(3);
});

t.test('a CONNECT tunnel leads to TLS inside', async (t) => {
  await using proxy = await ScriptServer.start([
    connection(reply('HTTP/1.1 200 OK\r\n\r\n'), startTLS(identities.server), reply(ok('inside'))),
  ]);
  const tunnel = connect(proxy.port, '127.0.0.1');
  tunnel.write(lines('CONNECT a.example.test:443 HTTP/1.1', 'Host: a.example.test:443', '', ''));
  await once(tunnel, 'data');
  const socket = connectTLS({ socket: tunnel, servername: 'a.example.test', ca });
  socket.write(lines('GET /in HTTP/1.1', '', ''));
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  t.equal(bytes.toString(), ok('inside'));
  t.same(
    proxy.requests.map(({ target }) => target),
    ['a.example.test:443', '/in'],
  );
  t.equal(((await proxy.connection(1)).socket as TLSSocket).servername, 'a.example.test');
  socket.destroy();
});
