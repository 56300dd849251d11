import { connect, type Socket } from 'node:net';
import t from 'tap';
import { MemoryBackend } from '../../src/network/memory.ts';
import { SocketBackend } from '../../src/network/socket-backend.ts';
import { startTLS } from '../../src/network/start-tls.ts';
import {
  NetworkFailure,
  type NetworkStream,
  type NetworkTarget,
} from '../../src/network/stream.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

const target: NetworkTarget = {
  host: 'a.example.test',
  port: 443,
  tls: { servername: 'a.example.test', alpn: ['http/1.1'] },
};

/** A proxy for one server: says "go" and passes all on. */
async function tunnel(port: number): Promise<Listener> {
  return await Listener.tcp((socket) => {
    socket.once('data', () => {
      const onward = connect({ host: '127.0.0.1', port });
      onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      onward.once('connect', () => {
        socket.write('go');
        socket.pipe(onward).pipe(socket);
      });
    });
  });
}

async function throughTunnel(port: number, backend: SocketBackend): Promise<NetworkStream> {
  const stream = await backend.open({ host: '127.0.0.1', port, tls: null }).stream;
  stream.ref();
  const recorder = Recorder.attachTo(stream);
  stream.write('CONNECT');
  await recorder.received('go');
  return stream;
}

t.test('TLS runs through a tunnel, and sessions are resumed there', async (t) => {
  const greet = (socket: Socket): unknown => socket.write('hello');
  await using server = await Listener.tls(greet, { ALPNProtocols: ['http/1.1'] });
  await using proxy = await tunnel(server.port);
  const backend = new SocketBackend({ tls: { ca } });
  for (const resumed of [false, true]) {
    const outer = await throughTunnel(proxy.port, backend);
    const stream = await startTLS(outer, target, backend.tlsContext()).stream;
    t.match(stream.tls, { alpnProtocol: 'http/1.1', version: 'TLSv1.3', resumed });
    t.equal(stream.remoteAddress, `127.0.0.1:${proxy.port}`);
    t.ok((stream.timings.secured ?? 0) > (stream.timings.connected ?? Number.NaN));
    const recorder = Recorder.attachTo(stream);
    stream.ref();
    await recorder.received('hello');
    stream.destroy();
    await recorder.event('close');
    await proxy.idle();
  }
});

t.test('TLS runs inside TLS', async (t) => {
  const greet = (socket: Socket): unknown => socket.write('hello');
  await using server = await Listener.tls(greet);
  await using proxy = await Listener.tls((socket) => {
    socket.once('data', () => {
      const onward = connect({ host: '127.0.0.1', port: server.port });
      onward.on('error', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      socket.write('go');
      socket.pipe(onward).pipe(socket);
    });
  });
  const backend = new SocketBackend({ tls: { ca } });
  const tls = { servername: 'localhost', alpn: [] };
  const outer = await backend.open({ host: '127.0.0.1', port: proxy.port, tls }).stream;
  outer.ref();
  const before = Recorder.attachTo(outer);
  outer.write('CONNECT');
  await before.received('go');
  const stream = await startTLS(outer, target, backend.tlsContext()).stream;
  stream.ref();
  const recorder = Recorder.attachTo(stream);
  await recorder.received('hello');
  t.equal(recorder.text, 'hello');
  t.equal(before.text, 'go', 'what is inside is hidden from the one before');
  stream.destroy();
  await recorder.event('close');
});

t.test('it runs over any stream, and with bytes that have come already', async (t) => {
  const greet = (socket: Socket): unknown => socket.end('hello');
  await using server = await Listener.tls(greet);
  // A server in this process that passes all on to one that speaks TLS.
  const onward = new SocketBackend();
  const memory = new MemoryBackend((near) => {
    void onward.open({ host: '127.0.0.1', port: server.port, tls: null }).stream.then((far) => {
      far.ref();
      join(near, far);
      join(far, near);
    });
  });
  const backend = new SocketBackend({ tls: { ca } });
  const outer = await memory.open({ host: 'proxy', port: 1, tls: null }).stream;
  const stream = await startTLS(outer, target, backend.tlsContext(), new Uint8Array(0)).stream;
  const recorder = Recorder.attachTo(stream);
  await recorder.event('end');
  t.equal(recorder.text, 'hello');
  stream.end();
  await recorder.event('close');

  const silent = new MemoryBackend([]);
  const garbage = await silent.open({ host: 'proxy', port: 1, tls: null }).stream;
  const head = Buffer.from('this is not TLS');
  const failure = await rejection(
    startTLS(garbage, target, backend.tlsContext(), head).stream,
    NetworkFailure,
  );
  t.match(
    failure.message,
    /^cannot connect to a\.example\.test:443, through proxy:1: TLS: .* \(ERR_SSL_/,
  );
});

function join(from: NetworkStream, to: NetworkStream): void {
  from.attach({
    onBytes: (buffer, length) => (to.write(Buffer.from(buffer.subarray(0, length))), true),
    nextBuffer: () => undefined,
    onDrain: () => {},
    onEnd: () => to.end(),
    onClose: () => to.destroy(),
  });
}

t.test('a certificate that is not to be trusted closes the tunnel', async (t) => {
  await using server = await Listener.tls(() => {}, identities.expired);
  await using proxy = await tunnel(server.port);
  const backend = new SocketBackend({ tls: { ca } });
  const outer = await throughTunnel(proxy.port, backend);
  const failure = await rejection(
    startTLS(outer, target, backend.tlsContext()).stream,
    NetworkFailure,
  );
  t.equal(failure.code, 'CERT_HAS_EXPIRED');
  t.equal(
    failure.message,
    `cannot connect to a.example.test:443, through 127.0.0.1:${proxy.port}: TLS: certificate has expired (CERT_HAS_EXPIRED)`,
  );
  await proxy.idle();
});

t.test('a tunnel that breaks in the handshake is named', async (t) => {
  await using proxy = await Listener.tcp((socket) => {
    socket.once('data', () => {
      socket.write('go');
      socket.once('data', () => socket.end());
    });
  });
  const backend = new SocketBackend({ tls: { ca } });
  const outer = await throughTunnel(proxy.port, backend);
  const failure = await rejection(
    startTLS(outer, target, backend.tlsContext()).stream,
    NetworkFailure,
  );
  t.match(failure.message, /: TLS: the connection broke during the handshake \(ECONNRESET\)$/);
});

t.test('cancel() rejects with its reason and closes the tunnel', async (t) => {
  const reason = new Error('enough');
  const hello = deferred();
  await using proxy = await Listener.tcp((socket) => {
    socket.once('data', () => {
      socket.write('go');
      socket.once('data', () => hello.resolve());
    });
  });

  await t.test('during the handshake', async (t) => {
    const backend = new SocketBackend({ tls: { ca } });
    const outer = await throughTunnel(proxy.port, backend);
    const opening = startTLS(outer, target, backend.tlsContext());
    await hello.promise;
    opening.cancel(reason);
    opening.cancel(new Error('again'));
    t.equal(await rejection(opening.stream), reason);
    await proxy.idle();
  });

  await t.test('while TLS is being loaded', async (t) => {
    const backend = new SocketBackend({ tls: { ca } });
    const outer = await throughTunnel(proxy.port, backend);
    const opening = startTLS(outer, target, backend.tlsContext());
    opening.cancel(reason);
    t.equal(await rejection(opening.stream), reason);
    await proxy.idle();
  });
});

t.test('options that cannot be used are a TypeError here too', async (t) => {
  await using proxy = await Listener.tcp((socket) => socket.write('go'));
  const backend = new SocketBackend({ tls: { ca: '/nowhere/ca.pem' } });
  const outer = await throughTunnel(proxy.port, backend);
  const opening = startTLS(outer, target, backend.tlsContext());
  t.match(await rejection(opening.stream, TypeError), { message: /^tls\.ca: cannot read/ });
  await proxy.idle();
});
