import { X509Certificate, createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createSecureContext, type TLSSocket } from 'node:tls';
import t from 'tap';
import { SocketBackend, type SocketBackendOptions } from '../../src/network/socket-backend.ts';
import {
  NetworkFailure,
  type NetworkStream,
  type NetworkTarget,
} from '../../src/network/stream.ts';
import type { TLSOptions } from '../../src/network/tls-options.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { ca, clientPFX, encryptedClientKey, identities, passphrase } from '../support/tls.ts';
import { impostor } from './impostor.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

const to = (
  port: number,
  host = 'localhost',
  servername = host,
  alpn: string[] = [],
): NetworkTarget => ({
  host,
  port,
  tls: { servername, alpn },
});

/** All names lead to the server. */
const backend = (tls: TLSOptions, options: SocketBackendOptions = {}): SocketBackend =>
  new SocketBackend({
    tls,
    trustEnv: false,
    lookup: (_host, _options, callback) => callback(null, '127.0.0.1', 4),
    ...options,
  });

/** Opens a stream, waits for a greeting of the server, and closes. */
async function greeting(network: SocketBackend, target: NetworkTarget): Promise<NetworkStream> {
  const stream = await network.open(target).stream;
  const recorder = Recorder.attachTo(stream);
  await recorder.received('hello');
  stream.destroy();
  await recorder.event('close');
  return stream;
}

async function failure(network: SocketBackend, target: NetworkTarget): Promise<NetworkFailure> {
  return await rejection(network.open(target).stream, NetworkFailure);
}

const greet = (socket: TLSSocket): unknown => socket.end('hello');

const pinOf = (pem: string): string =>
  createHash('sha256')
    .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');

t.test('a handshake tells what was agreed on', async (t) => {
  await using server = await Listener.tls(greet, { ALPNProtocols: ['h2', 'http/1.1'] });
  const stream = await greeting(
    backend({ ca }),
    to(server.port, 'localhost', 'localhost', ['http/1.1', 'h2']),
  );
  t.match(stream.tls, { alpnProtocol: 'h2', version: 'TLSv1.3', cipher: /^TLS_/, resumed: false });
  t.ok((stream.timings.secured ?? 0) >= (stream.timings.connected ?? Number.NaN));
  const without = await greeting(backend({ ca }), to(server.port));
  t.equal(without.tls?.alpnProtocol, null, 'ALPN is not sent where nothing is preferred');
});

t.test('a certificate that is not to be trusted is named as the reason', async (t) => {
  const cases: [string, TLSOptions, string, RegExp][] = [
    ['expired', { ca }, 'CERT_HAS_EXPIRED', /: TLS: certificate has expired \(CERT_HAS_EXPIRED\)$/],
    [
      'selfSigned',
      { ca },
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      /: TLS: self-signed certificate.* \(DEPTH/s,
    ],
    [
      'wrongHost',
      { ca },
      'ERR_TLS_CERT_ALTNAME_INVALID',
      /: TLS: Hostname\/IP does not match .*wrong\.test/,
    ],
    [
      'server',
      {},
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      /: TLS: unable to verify the first certificate.* \(UNABLE/s,
    ],
  ];
  for (const [name, options, code, message] of cases) {
    await using server = await Listener.tls(greet, identities[name as keyof typeof identities]);
    const failed = await failure(backend(options), to(server.port));
    t.equal(failed.code, code, name);
    t.match(failed.message, message);
    t.equal(failed.attempts.length, 1);
  }
});

t.test('with verify: false none of it matters', async (t) => {
  for (const name of ['expired', 'selfSigned', 'wrongHost'] as const) {
    await using server = await Listener.tls(greet, identities[name]);
    const checkServerIdentity = (): Error => new Error('not to be called');
    const network = backend({ verify: false, checkServerIdentity });
    t.equal((await greeting(network, to(server.port))).tls?.resumed, false, name);
  }
});

t.test('NODE_TLS_REJECT_UNAUTHORIZED is ignored', async (t) => {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.teardown(() => Reflect.deleteProperty(process.env, 'NODE_TLS_REJECT_UNAUTHORIZED'));
  // Node warns of the variable, whatever is made of it.
  t.intercept(process, 'emitWarning', { value: () => {} });
  await using server = await Listener.tls(greet, identities.expired);
  t.equal((await failure(backend({ ca }), to(server.port))).code, 'CERT_HAS_EXPIRED');
});

t.test('versions that have nothing in common, and no TLS at all, are named', async (t) => {
  await using old = await Listener.tls(greet, { maxVersion: 'TLSv1.2' });
  const refused = await failure(backend({ ca, minVersion: 'TLSv1.3' }), to(old.port));
  t.match(refused.message, /: TLS: .*protocol version.* \(ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION\)$/);
  t.equal((await greeting(backend({ ca }), to(old.port))).tls?.version, 'TLSv1.2');
  t.equal(
    (await greeting(backend({ ca, maxVersion: 'TLSv1.2' }), to(old.port))).tls?.version,
    'TLSv1.2',
  );
  await using plain = await Listener.tcp((socket) =>
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  const misled = await failure(backend({ ca }), to(plain.port));
  t.match(misled.message, /: TLS: (wrong version number|packet length too long) \(ERR_SSL_/);
});

t.test('ciphers are an option', async (t) => {
  await using server = await Listener.tls(greet, { maxVersion: 'TLSv1.2' });
  const ciphers = 'ECDHE-ECDSA-CHACHA20-POLY1305';
  t.equal((await greeting(backend({ ca, ciphers }), to(server.port))).tls?.cipher, ciphers);
});

t.test('the name', async (t) => {
  const names: unknown[] = [];
  await using server = await Listener.tls((socket) => {
    names.push((socket as TLSSocket & { servername: unknown }).servername);
    greet(socket);
  });
  const { port } = server;

  await t.test('is sent as SNI, without a dot at its end', async (t) => {
    await greeting(backend({ ca }), to(port, 'a.example.test'));
    await greeting(backend({ ca }), to(port, 'b.example.test.'));
    t.strictSame(names.splice(0), ['a.example.test', 'b.example.test']);
  });

  await t.test('is not sent where it is an address, which is checked all the same', async (t) => {
    await greeting(backend({ ca }), to(port, '127.0.0.1'));
    t.strictSame(names.splice(0), [false]);
    const hosts = { '127.0.0.9': '127.0.0.1' };
    const failed = await failure(backend({ ca }, { hosts }), to(port, '127.0.0.9'));
    t.match(failed.message, /TLS: .*IP: 127\.0\.0\.9 is not in the cert's list/);
    names.length = 0;
  });

  await t.test('may differ from the host, for one target or for all', async (t) => {
    await greeting(backend({ ca }), to(port, 'elsewhere', 'c.example.test'));
    await greeting(backend({ ca, servername: 'd.example.test' }), to(port, 'elsewhere'));
    t.strictSame(names.splice(0), ['c.example.test', 'd.example.test']);
  });

  await t.test('is checked by a function of your own', async (t) => {
    const asked: unknown[] = [];
    const mine: TLSOptions['checkServerIdentity'] = (name, certificate) => {
      asked.push([name, certificate.subject.CN]);
      return name === 'good' ? undefined : new Error('not mine');
    };
    await greeting(backend({ ca, checkServerIdentity: mine }), to(port, 'good'));
    const failed = await failure(backend({ ca, checkServerIdentity: mine }), to(port, '127.0.0.1'));
    t.match(failed.message, /: TLS: not mine$/);
    t.strictSame(asked, [
      ['good', 'localhost'],
      ['127.0.0.1', 'localhost'],
    ]);
    const broken: TLSOptions['checkServerIdentity'] = () => {
      throw new Error('boom');
    };
    const threw = await failure(backend({ ca, checkServerIdentity: broken }), to(port));
    t.match(threw.message, /: TLS: boom$/);
  });
});

t.test('sessions', async (t) => {
  await t.test('are resumed, per target', async (t) => {
    await using server = await Listener.tls(greet);
    const network = backend({ ca });
    const resumed = async (host: string): Promise<boolean | undefined> =>
      (await greeting(network, to(server.port, host))).tls?.resumed;
    t.equal(await resumed('a.example.test'), false);
    t.equal(await resumed('a.example.test'), true);
    t.equal(await resumed('a.example.test'), true);
    t.equal(
      await resumed('b.example.test'),
      false,
      'a session proves only the name that it was made for',
    );
    network.close();
    t.equal(await resumed('a.example.test'), false, 'close() forgets them');
  });

  await t.test('are resumed with TLS 1.2 too', async (t) => {
    await using server = await Listener.tls(greet, { maxVersion: 'TLSv1.2' });
    const network = backend({ ca });
    t.equal((await greeting(network, to(server.port))).tls?.resumed, false);
    t.equal((await greeting(network, to(server.port))).tls?.resumed, true);
  });

  await t.test('of a server that was not trusted are not kept', async (t) => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      await using server = await Listener.tls(greet, { maxVersion });
      const network = backend({ ca, pin: pinOf(identities.client.cert) });
      for (let attempt = 0; attempt < 2; attempt++) {
        t.equal((await failure(network, to(server.port))).code, 'ERR_TLS_PIN_MISMATCH', maxVersion);
      }
    }
  });

  await t.test('that the server does not know any more do no harm', async (t) => {
    const network = backend({ ca });
    let first: number;
    {
      await using server = await Listener.tls(greet);
      first = server.port;
      await greeting(network, to(first));
    }
    await using server = await Listener.tls(greet, {}, { port: first });
    t.equal((await greeting(network, to(first))).tls?.resumed, false);
    t.equal((await greeting(network, to(server.port))).tls?.resumed, true);
  });
});

t.test('pins', async (t) => {
  await using server = await Listener.tls(greet);
  const target = to(server.port);
  const own = pinOf(identities.server.cert);

  await t.test('of the server, or of an authority above it, let it pass', async (t) => {
    for (const pin of [own, pinOf(ca), `sha256/${own}`, [pinOf(identities.client.cert), own]]) {
      t.equal((await greeting(backend({ ca, pin }), target)).tls?.resumed, false);
    }
  });

  await t.test('of anyone else do not, and the keys that are there are named', async (t) => {
    const failed = await failure(backend({ ca, pin: pinOf(identities.client.cert) }), target);
    t.equal(failed.code, 'ERR_TLS_PIN_MISMATCH');
    t.ok(
      failed.message.includes(
        `: TLS: none of the keys of the certificate's chain is pinned: ${own}, ${pinOf(ca)} (`,
      ),
    );
  });

  await t.test('do not replace verification', async (t) => {
    t.equal((await failure(backend({ pin: own }), target)).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  await t.test('stand without it, where that is asked for', async (t) => {
    await greeting(backend({ verify: false, pin: own }), target);
    const other = backend({ verify: false, pin: pinOf(identities.client.cert) });
    t.equal((await failure(other, target)).code, 'ERR_TLS_PIN_MISMATCH');
  });

  await t.test('do not follow a certificate that only lies beside the chain', async (t) => {
    // The server sends the authority's certificate behind its own, which that authority has not signed.
    const { cert, key } = identities.selfSigned;
    await using liar = await Listener.tls(greet, { cert: cert + ca, key });
    const failed = await failure(backend({ verify: false, pin: pinOf(ca) }), to(liar.port));
    t.equal(failed.code, 'ERR_TLS_PIN_MISMATCH');
  });

  await t.test('do not take the name of an authority for its signature', async (t) => {
    const { cert, key } = impostor;
    await using liar = await Listener.tls(greet, { cert: cert + ca, key });
    const failed = await failure(backend({ verify: false, pin: pinOf(ca) }), to(liar.port));
    t.equal(failed.code, 'ERR_TLS_PIN_MISMATCH');
    await greeting(backend({ verify: false, pin: pinOf(cert) }), to(liar.port));
  });

  await t.test('are kept to by resumed connections, whose session has passed', async (t) => {
    const network = backend({ ca, pin: own });
    await greeting(network, target);
    t.equal((await greeting(network, target)).tls?.resumed, true);
  });
});

t.test('a client certificate is shown', async (t) => {
  const shown = (socket: TLSSocket): unknown => {
    socket.write(`hello ${String(socket.getPeerCertificate().subject.CN)}`);
    return socket.end();
  };
  await using server = await Listener.tls(shown, {
    requestCert: true,
    rejectUnauthorized: true,
    ca,
  });
  const { cert, key } = identities.client;
  const dir = t.testdir({ 'client.crt': cert, 'client.key': key });
  const forms: TLSOptions[] = [
    { cert, key },
    { cert: Buffer.from(cert), key: [Buffer.from(key)] },
    { cert: join(dir, 'client.crt'), key: join(dir, 'client.key') },
    { cert, key: encryptedClientKey, passphrase },
    { pfx: clientPFX, passphrase },
    { secureContext: createSecureContext({ ca, cert, key }) },
  ];
  for (const form of forms) {
    const trusted = form.secureContext === undefined ? { ca, ...form } : form;
    const stream = await backend(trusted).open(to(server.port)).stream;
    const recorder = Recorder.attachTo(stream);
    await recorder.received('hello client');
    stream.destroy();
    await recorder.event('close');
  }

  // With TLS 1.3 the client is done before the server has looked: the refusal comes as the first answer.
  const stream = await backend({ ca }).open(to(server.port)).stream;
  const recorder = Recorder.attachTo(stream);
  await recorder.event('close');
  t.match(recorder.error?.message, /certificate required|ECONNRESET/);
});

t.test('what cannot be used fails the opening with a TypeError that says why', async (t) => {
  const { cert, key } = identities.client;
  const dir = t.testdir({ empty: {}, 'text.pem': 'hello' });
  const cases: [TLSOptions, string | RegExp][] = [
    [{ cert, key: encryptedClientKey }, 'tls: key is encrypted: tls.passphrase is needed'],
    [
      { cert, key: encryptedClientKey, passphrase: 'wrong' },
      'tls: tls.passphrase does not open key',
    ],
    [{ pfx: clientPFX }, 'tls: pfx is encrypted: tls.passphrase is needed'],
    [{ pfx: clientPFX, passphrase: 'wrong' }, 'tls: tls.passphrase does not open pfx'],
    [{ pfx: Buffer.from('hello') }, /^tls: cert, key or pfx cannot be used: /],
    [{ cert, key: identities.server.key }, 'tls: key is not the key of cert'],
    [
      { cert: join(dir, 'none.pem'), key },
      `tls.cert: cannot read "${join(dir, 'none.pem')}" (ENOENT)`,
    ],
    [{ ca: join(dir, 'none.pem') }, `tls.ca: cannot read "${join(dir, 'none.pem')}" (ENOENT)`],
    [{ ca: join(dir, 'text.pem') }, `tls.ca: ${join(dir, 'text.pem')} holds no certificate in PEM`],
    [{ ca: join(dir, 'empty') }, `tls.ca: there is no certificate in ${join(dir, 'empty')}`],
    [{ ca: key }, 'tls.ca: what was given holds no certificate in PEM'],
    [
      { ca: '-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----' },
      /^tls\.ca: a certificate cannot be read \(/,
    ],
    [{ ciphers: 'NONE-SUCH' }, 'tls: ciphers names no cipher that there is'],
  ];
  for (const [options, message] of cases) {
    const opening = backend(options).open(to(1));
    t.match((await rejection(opening.stream, TypeError)).message, message);
  }
});

t.test('a file that was missing may be there the next time', async (t) => {
  await using server = await Listener.tls(greet);
  const file = join(t.testdir(), 'ca.pem');
  const network = backend({ ca: file });
  t.match(await rejection(network.open(to(server.port)).stream, TypeError), { message: /ENOENT/ });
  writeFileSync(file, ca);
  t.ok(await greeting(network, to(server.port)));
});

t.test('authorities come from text, bytes, files and directories', async (t) => {
  await using server = await Listener.tls(greet);
  const dir = t.testdir({
    'ca.pem': ca,
    bundle: `some words\n${identities.selfSigned.cert}\n${ca}`,
    named: { 'one.crt': ca, 'notes.txt': 'hello', 'broken.pem': 'hello' },
    hashed: {},
  });
  mkdirSync(join(dir, 'hashed'), { recursive: true });
  symlinkSync(join(dir, 'ca.pem'), join(dir, 'hashed', '0a1b2c3d.0'));
  symlinkSync(join(dir, 'gone.pem'), join(dir, 'hashed', '0a1b2c3d.1'));
  const forms = [
    Buffer.from(ca),
    [identities.selfSigned.cert, ca],
    join(dir, 'ca.pem'),
    join(dir, 'bundle'),
    join(dir, 'named'),
    join(dir, 'hashed'),
    [identities.selfSigned.cert, join(dir, 'named')],
  ];
  for (const form of forms) t.ok(await greeting(backend({ ca: form }), to(server.port)));
});

t.test('SSL_CERT_FILE and SSL_CERT_DIR', async (t) => {
  await using server = await Listener.tls(greet);
  const dir = t.testdir({ 'ca.pem': ca, other: { 'other.pem': identities.selfSigned.cert } });
  const environment = (values: Record<string, string>): void => {
    for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
      if (values[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = values[name];
    }
  };
  t.teardown(() => environment({}));
  const target = to(server.port);

  await t.test('add to the authorities that are trusted by default', async (t) => {
    environment({ SSL_CERT_FILE: join(dir, 'ca.pem') });
    t.ok(await greeting(new SocketBackend(), target));
    environment({ SSL_CERT_DIR: [join(dir, 'none'), join(dir, 'other'), dir].join(delimiter) });
    t.ok(await greeting(new SocketBackend(), target));
  });

  await t.test(
    'are heeded only where the environment is trusted, and no ca is given',
    async (t) => {
      environment({ SSL_CERT_FILE: join(dir, 'ca.pem') });
      for (const options of [{ trustEnv: false }, { tls: { ca: identities.selfSigned.cert } }]) {
        t.equal(
          (await failure(new SocketBackend(options), target)).code,
          'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        );
      }
    },
  );

  await t.test('may name what does not exist', async (t) => {
    environment({ SSL_CERT_FILE: join(dir, 'none.pem'), SSL_CERT_DIR: join(dir, 'none') });
    t.equal((await failure(new SocketBackend(), target)).code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});
