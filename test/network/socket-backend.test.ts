import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import t from 'tap';
import { SocketBackend, type SocketBackendOptions } from '../../src/network/socket-backend.ts';
import { SocketStream } from '../../src/network/socket-stream.ts';
import {
  NetworkFailure,
  type NetworkStream,
  type NetworkTarget,
} from '../../src/network/stream.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { ca, identities } from '../support/tls.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

const plain = (port: number, host = '127.0.0.1'): NetworkTarget => ({ host, port, tls: null });

const secure = (port: number, host = '127.0.0.1'): NetworkTarget => ({
  host,
  port,
  tls: { servername: host, alpn: [] },
});

async function close(stream: NetworkStream): Promise<void> {
  const recorder = Recorder.attachTo(stream);
  stream.destroy();
  await recorder.event('close');
}

t.test('options are checked', async (t) => {
  const refused: [unknown, string | RegExp][] = [
    [null, 'options: expected an object, got null'],
    [{ atemptDelay: 1 }, 'atemptDelay: unknown option; did you mean attemptDelay?'],
    [{ nodelay: true }, 'nodelay: unknown option; did you mean noDelay?'],
    [
      { xyz: 1 },
      'xyz: unknown option; there are tls, lookup, hosts, localAddress, socketPath, noDelay, keepAlive, attemptDelay, trustEnv',
    ],
    [
      { attemptDelay: '250' },
      'attemptDelay: expected a number of milliseconds, 0 or more, got "250"',
    ],
    [{ attemptDelay: -1 }, 'attemptDelay: expected a number of milliseconds, 0 or more, got -1'],
    [
      { keepAlive: true },
      'keepAlive: expected a number of milliseconds, 0 or more, or false, got true',
    ],
    [{ noDelay: 1 }, 'noDelay: expected true or false, got 1'],
    [{ lookup: {} }, 'lookup: expected a function, got an object'],
    [{ localAddress: 'localhost' }, 'localAddress: expected an IP address, got "localhost"'],
    [{ socketPath: '' }, 'socketPath: expected a string that is not empty, got ""'],
    [{ hosts: { 'a.test': 'b.test' } }, 'hosts["a.test"]: expected an IP address, got "b.test"'],
    [{ hosts: { 'a.test': ['127.0.0.1', 7] } }, 'hosts["a.test"]: expected an IP address, got 7'],
    [{ hosts: { 'a.test': [] } }, 'hosts["a.test"]: expected at least one IP address'],
    [{ hosts: 'a' }, 'hosts: expected an object, got "a"'],
    [{ tls: true }, 'tls: expected an object, got true'],
    [{ tls: { certs: 'x' } }, 'tls.certs: unknown option; did you mean tls.cert?'],
    [
      { tls: { rejectUnauthorized: false } },
      /^tls\.rejectUnauthorized: unknown option; there are ca, cert, /,
    ],
    [{ tls: { ca: 7 } }, 'tls.ca: expected PEM text, bytes, a path, or a list of these, got 7'],
    [
      { tls: { ca: [] } },
      'tls.ca: expected PEM text, bytes, a path, or a list of these, got an instance of Array',
    ],
    [{ tls: { cert: 'x' } }, 'tls.cert: needs tls.key'],
    [{ tls: { key: 'x' } }, 'tls.key: needs tls.cert'],
    [{ tls: { passphrase: 7 } }, 'tls.passphrase: expected a string, got 7'],
    [{ tls: { verify: 0 } }, 'tls.verify: expected true or false, got 0'],
    [
      { tls: { minVersion: '1.2' } },
      'tls.minVersion: expected "TLSv1", "TLSv1.1", "TLSv1.2" or "TLSv1.3", got "1.2"',
    ],
    [
      { tls: { maxVersion: 'TLSv1.1' } },
      'tls.maxVersion: expected TLSv1.2 (tls.minVersion) or higher, got "TLSv1.1"',
    ],
    [
      { tls: { pin: 'abc' } },
      'tls.pin: expected the base64 of a SHA-256 digest, or a list of these, got "abc"',
    ],
    [
      { tls: { secureContext: {} } },
      'tls.secureContext: expected what tls.createSecureContext() returned, got an object',
    ],
    [
      { tls: { secureContext: { context: {} }, ca } },
      'tls.ca: has no effect beside tls.secureContext, which holds its own',
    ],
    [
      { tls: { checkServerIdentity: false } },
      'tls.checkServerIdentity: expected a function, got false',
    ],
    [
      { tls: { servername: Symbol('x') } },
      'tls.servername: expected a string that is not empty, got a symbol',
    ],
    [{ lookup: () => {}, noDelay: () => {} }, 'noDelay: expected true or false, got a function'],
  ];
  for (const [options, message] of refused) {
    t.throws(() => new SocketBackend(options as SocketBackendOptions), {
      name: 'TypeError',
      message,
    });
  }
  t.doesNotThrow(
    () => new SocketBackend({ keepAlive: false, attemptDelay: 0, tls: {}, hosts: {} }),
  );
  t.doesNotThrow(() => new SocketBackend({ lookup: undefined } as unknown as SocketBackendOptions));
});

t.test('a stream reads by onread, plain and with TLS', async (t) => {
  await using plainServer = await Listener.tcp((socket) => socket.write('hello'));
  await using secureServer = await Listener.tls((socket) => socket.write('hello'));
  const backend = new SocketBackend({ tls: { ca } });
  for (const target of [plain(plainServer.port), secure(secureServer.port)]) {
    const stream = (await backend.open(target).stream) as SocketStream;
    t.ok(stream instanceof SocketStream);
    const recorder = Recorder.attachTo(stream);
    await recorder.received('hello');
    const socket = stream.takeSocket();
    t.equal(socket?.listenerCount('data'), 0, 'nobody listens to data events');
    t.equal(socket?.readableLength, 0);
    t.equal(socket?.writableHighWaterMark, 256 * 1024);
    socket?.destroy();
  }
});

t.test('node:http2 can take the socket over, in the turn in which it was opened', async (t) => {
  const server = createSecureServer({ ...identities.server });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('over HTTP/2');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const target = { host: '127.0.0.1', port, tls: { servername: 'localhost', alpn: ['h2'] } };
  const stream = (await new SocketBackend({ tls: { ca } }).open(target).stream) as SocketStream;
  t.equal(stream.tls?.alpnProtocol, 'h2');
  const socket = stream.takeSocket() as TLSSocket;
  const session = connect('https://localhost', { createConnection: () => socket });
  session.ref();
  const request = session.request({ ':path': '/' });
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  await once(request, 'end');
  t.equal(body, 'over HTTP/2');
  session.close();
  await once(session, 'close');
  await new Promise((resolve) => server.close(resolve));
});

t.test(
  'bytes that come with the handshake are there when the stream is attached in the same turn',
  async (t) => {
    await using server = await Listener.tls((socket) => socket.write('I speak first'));
    const stream = await new SocketBackend({ tls: { ca } }).open(secure(server.port)).stream;
    const recorder = Recorder.attachTo(stream);
    await recorder.received('I speak first');
    t.strictSame(recorder.events, ['bytes 13']);
    await close(stream);
  },
);

t.test('a Unix socket stands for every host, plain and with TLS', async (t) => {
  // Not t.testdir(): the path of a socket may have 107 characters.
  const dir = mkdtempSync(join(tmpdir(), 'strata-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [path, tlsPath] = [join(dir, 'a'), join(dir, 'b')];
  await using plainServer = await Listener.tcp((socket) => socket.end('plain'), { path });
  await using secureServer = await Listener.tls(
    (socket) => socket.end('secure'),
    {},
    { path: tlsPath },
  );
  t.ok(plainServer && secureServer);
  const stream = await new SocketBackend({ socketPath: path }).open(plain(80, 'any.test')).stream;
  t.equal(stream.remoteAddress, path);
  const recorder = Recorder.attachTo(stream);
  await recorder.received('plain');
  await close(stream);

  const secured = new SocketBackend({ socketPath: tlsPath, tls: { ca } });
  const tlsStream = await secured.open(secure(443, 'a.example.test')).stream;
  const tlsRecorder = Recorder.attachTo(tlsStream);
  await tlsRecorder.received('secure');
  await close(tlsStream);

  const none = new SocketBackend({ socketPath: join(dir, 'none') }).open(plain(80, 'any.test'));
  const failure = await rejection(none.stream, NetworkFailure);
  t.equal(failure.message, `cannot connect to any.test:80: ${join(dir, 'none')}: connect ENOENT`);
});

t.test('localAddress is where connections come from', async (t) => {
  let from: string | undefined;
  await using server = await Listener.tcp((socket) => {
    from = socket.remoteAddress;
    socket.end('hello');
  });
  const hosts = { 'example.test': ['::1', '127.0.0.1'], 'six.test': '::1' };
  const backend = new SocketBackend({ localAddress: '127.0.0.7', hosts });
  const stream = await backend.open(plain(server.port, 'example.test')).stream;
  const recorder = Recorder.attachTo(stream);
  await recorder.received('hello');
  t.equal(from, '127.0.0.7');
  await close(stream);
  const failure = await rejection(
    backend.open(plain(server.port, 'six.test')).stream,
    NetworkFailure,
  );
  t.equal(
    failure.message,
    'cannot resolve six.test: ::1 cannot be reached from localAddress 127.0.0.7',
  );
});

t.test(
  'an open stream does not keep the process alive, one that is being opened does',
  async (t) => {
    await using server = await Listener.tcp((socket) => socket.write('hello'));
    await using tlsServer = await Listener.tls((socket) => socket.write('hello'));
    const module = new URL('../../src/network/socket-backend.js', import.meta.url).href;
    const script = `
    import { SocketBackend } from ${JSON.stringify(module)};
    const backend = new SocketBackend({ tls: { verify: false } });
    const tls = { servername: 'localhost', alpn: [] };
    await backend.open({ host: '127.0.0.1', port: ${server.port}, tls: null }).stream;
    await backend.open({ host: '127.0.0.1', port: ${tlsServer.port}, tls }).stream;
    console.log('open');
  `;
    const run = promisify(execFile);
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 10_000,
    });
    t.equal(stdout, 'open\n');
    t.equal(stderr, '', 'and Node warns of nothing');
  },
);

t.test('TLS is loaded for the first target that needs it', async (t) => {
  const module = new URL('../../src/network/socket-backend.js', import.meta.url).href;
  const script = `
    import { SocketBackend } from ${JSON.stringify(module)};
    new SocketBackend({ tls: { ca: '/nowhere' } });
    console.log(process.moduleLoadList.some((each) => / (_tls_wrap|tls|internal\\/tls\\/wrap)$/.test(each)));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    script,
  ]);
  t.equal(stdout, 'false\n');
});
