import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { interleave, toAddress } from '../../src/network/addresses.ts';
import { SocketBackend, type SocketBackendOptions } from '../../src/network/socket-backend.ts';
import { NetworkFailure, type NetworkTarget, type Opening } from '../../src/network/stream.ts';
import { arrival, turn } from '../support/clock.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { ca } from '../support/tls.ts';
import { BlackHole } from './black-hole.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

const plain = (host: string, port: number): NetworkTarget => ({ host, port, tls: null });

const secure = (host: string, port: number): NetworkTarget => ({
  host,
  port,
  tls: { servername: host, alpn: [] },
});

/** A port of loopback on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = await Listener.tcp(() => {});
  const { port } = server;
  await server[Symbol.asyncDispose]();
  return port;
}

/** Closes what was opened; its address. */
async function closed(opening: Opening): Promise<string | undefined> {
  const stream = await opening.stream;
  const recorder = Recorder.attachTo(stream);
  stream.destroy();
  await recorder.event('close');
  return stream.remoteAddress;
}

t.test('families alternate, beginning with that of the first address', async (t) => {
  const order = (...texts: string[]): string[] =>
    interleave(
      texts.map((text) => toAddress(text) as NonNullable<ReturnType<typeof toAddress>>),
    ).map(({ address }) => address);
  t.strictSame(order('::1', '::2', '::3', '1.1.1.1', '2.2.2.2'), [
    '::1',
    '1.1.1.1',
    '::2',
    '2.2.2.2',
    '::3',
  ]);
  t.strictSame(order('1.1.1.1', '2.2.2.2', '::1'), ['1.1.1.1', '::1', '2.2.2.2']);
  t.strictSame(order('1.1.1.1', '::1', '2.2.2.2'), ['1.1.1.1', '::1', '2.2.2.2']);
  t.strictSame(order('::1', '::1'), ['::1'], 'an address that comes twice is tried once');
  t.strictSame(order(), []);
});

t.test(
  'the second address is tried 250 ms after the first while the first is still pending',
  async (t) => {
    await using hole = await BlackHole.open('127.0.0.2');
    await using server = await Listener.tcp(() => {}, { host: '127.0.0.3', port: hole.port });
    const backend = new SocketBackend({ hosts: { 'example.test': ['127.0.0.2', '127.0.0.3'] } });
    const opening = backend.open(plain('example.test', server.port));
    const { remoteAddress, timings } = await opening.stream;
    t.equal(remoteAddress, `127.0.0.3:${server.port}`);
    const took = (timings.connected ?? 0) - timings.started;
    t.ok(took >= 249 && took < 5000, `${took} ms`);
    t.equal(timings.resolved, undefined, 'nothing was looked up');
    await closed(opening);
  },
);

t.test('the delay between attempts is an option', async (t) => {
  await using hole = await BlackHole.open('127.0.0.2');
  await using server = await Listener.tcp(() => {}, { host: '127.0.0.3', port: hole.port });
  const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3'] };
  const opening = new SocketBackend({ hosts, attemptDelay: 400 }).open(
    plain('example.test', server.port),
  );
  const { timings } = await opening.stream;
  const took = (timings.connected ?? 0) - timings.started;
  t.ok(took >= 399, `${took} ms`);
  await closed(opening);
});

t.test('an attempt is not given up for being slow: it wins where the others fail', async (t) => {
  await using hole = await BlackHole.open('127.0.0.2');
  const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3'] };
  const opening = new SocketBackend({ hosts, attemptDelay: 1 }).open(
    plain('example.test', hole.port),
  );
  setTimeout(() => hole.wake(), 50);
  t.equal((await opening.stream).remoteAddress, `127.0.0.2:${hole.port}`);
  await closed(opening);
});

t.test('the next address is tried at once when one fails', async (t) => {
  await using server = await Listener.tcp(() => {}, { host: '127.0.0.4' });
  const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3', '127.0.0.4'] };
  const backend = new SocketBackend({ hosts, attemptDelay: 60_000 });
  const opening = backend.open(plain('example.test', server.port));
  t.equal((await opening.stream).remoteAddress, `127.0.0.4:${server.port}`);
  await closed(opening);
});

t.test('IPv6 and IPv4 take turns', async (t) => {
  const probe = createServer().listen(0, '::1');
  const available = await Promise.race([
    once(probe, 'listening').then(() => true),
    once(probe, 'error').then(() => false),
  ]);
  probe.close();
  if (!available) {
    t.pass('this machine has no ::1');
    return;
  }
  await using server = await Listener.tcp(() => {}, { host: '::1' });
  const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3', '::1'] };
  const opening = new SocketBackend({ hosts }).open(plain('example.test', server.port));
  t.equal((await opening.stream).remoteAddress, `[::1]:${server.port}`);
  await closed(opening);
  const literal = new SocketBackend().open(plain('::1', server.port));
  t.equal((await literal.stream).remoteAddress, `[::1]:${server.port}`);
  await closed(literal);
});

t.test('a failure lists every address and why it failed', async (t) => {
  const port = await closedPort();
  const hosts = { 'example.test': ['127.0.0.2', '::1', '127.0.0.3'] };
  const opening = new SocketBackend({ hosts }).open(plain('example.test', port));
  const failure = await rejection(opening.stream, NetworkFailure);
  t.match(
    failure.message,
    new RegExp(
      `^cannot connect to example\\.test:${port}: 127\\.0\\.0\\.2:${port}: connect ECONNREFUSED; ` +
        `\\[::1\\]:${port}: connect E\\w+; 127\\.0\\.0\\.3:${port}: connect ECONNREFUSED$`,
    ),
  );
  t.equal(failure.code, 'ECONNREFUSED');
  t.strictSame(
    failure.attempts.map(({ address }) => address),
    [`127.0.0.2:${port}`, `[::1]:${port}`, `127.0.0.3:${port}`],
  );
  t.equal(failure.cause, failure.attempts[0]?.error);
});

t.test('an attempt that cannot even begin has failed', async (t) => {
  const failure = await rejection(
    new SocketBackend().open(plain('127.0.0.1', 70_000)).stream,
    NetworkFailure,
  );
  t.match(
    failure.message,
    'cannot connect to 127.0.0.1:70000: 127.0.0.1:70000: port: expected 0 to 65535, got 70000',
  );
});

t.test('the losers are closed as soon as one has connected', async (t) => {
  await using hole = await BlackHole.open('127.0.0.2');
  await using other = await BlackHole.open('127.0.0.3', hole.port);
  await using server = await Listener.tcp(() => {}, { host: '127.0.0.4', port: hole.port });
  const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3', '127.0.0.4'] };
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
  await turn();
  const before = sockets();
  const opening = new SocketBackend({ hosts, attemptDelay: 5 }).open(
    plain('example.test', other.port),
  );
  t.equal((await opening.stream).remoteAddress, `127.0.0.4:${hole.port}`);
  await arrival();
  // The stream is unref'd, and so not counted; the server's end of it is.
  t.equal(sockets() - before, 1);
  t.equal(server.sockets.size, 1);
  await closed(opening);
});

t.test('cancel() rejects with its reason and leaves nothing behind', async (t) => {
  const reason = new Error('enough');

  await t.test('during the lookup, whose late result is ignored', async (t) => {
    for (const late of [
      [null, [{ address: '127.0.0.1', family: 4 }]],
      [new Error('not found'), []],
    ] as const) {
      const asked = deferred<(...answer: unknown[]) => void>();
      const backend = new SocketBackend({
        lookup: (_host, _options, callback) => asked.resolve(callback as never),
      });
      const opening = backend.open(plain('example.test', 1));
      const callback = await asked.promise;
      opening.cancel(reason);
      callback(...late);
      t.equal(await rejection(opening.stream), reason);
    }
  });

  await t.test('while attempts are pending, and others are due', async (t) => {
    await using hole = await BlackHole.open('127.0.0.2');
    await using other = await BlackHole.open('127.0.0.3', hole.port);
    const hosts = { 'example.test': ['127.0.0.2', '127.0.0.3', '127.0.0.4'] };
    for (const wait of [0, 40]) {
      const backend = new SocketBackend({ hosts, attemptDelay: 30 });
      const opening = backend.open(plain('example.test', other.port));
      await new Promise((resolve) => setTimeout(resolve, wait));
      opening.cancel(reason);
      t.equal(await rejection(opening.stream), reason);
    }
  });

  await t.test('during the handshake', async (t) => {
    const hello = deferred();
    await using server = await Listener.tcp((socket) => socket.once('data', () => hello.resolve()));
    const opening = new SocketBackend({ tls: { ca } }).open(secure('127.0.0.1', server.port));
    await hello.promise;
    opening.cancel(reason);
    t.equal(await rejection(opening.stream), reason);
    await server.idle();
  });

  await t.test('while the modules for TLS load', async (t) => {
    await using server = await Listener.tcp(() => t.fail('nothing was to be opened any more'));
    const backend = new SocketBackend({ tls: { ca } });
    const opening = backend.open(secure('127.0.0.1', server.port));
    opening.cancel(reason);
    t.equal(await rejection(opening.stream), reason);
    await backend.tlsContext();
  });

  await t.test('in the same turn', async (t) => {
    const opening = new SocketBackend().open(plain('127.0.0.1', await closedPort()));
    opening.cancel(reason);
    opening.cancel(new Error('again'));
    t.equal(await rejection(opening.stream), reason);
  });

  await t.test('but not after the end', async (t) => {
    await using server = await Listener.tcp(() => {});
    const opening = new SocketBackend().open(plain('127.0.0.1', server.port));
    await opening.stream;
    opening.cancel(reason);
    t.equal(await closed(opening), `127.0.0.1:${server.port}`);
  });

  await t.test('and nobody has to listen to it', async (t) => {
    t.doesNotThrow(() => new SocketBackend().open(plain('127.0.0.1', 1)).cancel(reason));
  });
});

t.test('a lookup', async (t) => {
  await using server = await Listener.tcp(() => {});
  const { port } = server;
  const open = (lookup: NonNullable<SocketBackendOptions['lookup']>): Opening =>
    new SocketBackend({ lookup }).open(plain('Example.test', port));

  await t.test('is asked for all addresses of the name, as it was given', async (t) => {
    const opening = open((host, options, callback) => {
      t.strictSame([host, options], ['Example.test', { all: true }]);
      setImmediate(() => callback(null, [{ address: '127.0.0.1', family: 4 }]));
    });
    const { timings } = await opening.stream;
    t.ok(timings.resolved !== undefined && timings.resolved >= timings.started);
    t.ok((timings.connected ?? 0) >= (timings.resolved ?? 0));
    await closed(opening);
  });

  await t.test('may answer with one address, and at once', async (t) => {
    const opening = open((_host, _options, callback) => callback(null, '127.0.0.1', 4));
    t.equal(await closed(opening), `127.0.0.1:${port}`);
  });

  await t.test('may answer twice: the second is ignored', async (t) => {
    const opening = open((_host, _options, callback) => {
      callback(null, '127.0.0.1', 4);
      callback(new Error('late'));
    });
    t.equal(await closed(opening), `127.0.0.1:${port}`);
  });

  await t.test('that fails is the failure', async (t) => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND Example.test'), {
      code: 'ENOTFOUND',
    });
    const failure = await rejection(
      open((_host, _options, callback) => callback(error)).stream,
      NetworkFailure,
    );
    t.equal(failure.message, 'cannot resolve Example.test: getaddrinfo ENOTFOUND Example.test');
    t.equal(failure.code, 'ENOTFOUND');
    t.equal(failure.cause, error);
    t.strictSame(failure.attempts, []);
  });

  await t.test('that answers nonsense, or throws, is a failure', async (t) => {
    const answers: [NonNullable<SocketBackendOptions['lookup']>, string][] = [
      [(_host, _options, callback) => callback(null, []), 'there is no address'],
      [
        (_host, _options, callback) => callback(null, { address: '127.0.0.1' } as never),
        'there is no address',
      ],
      [
        (_host, _options, callback) => callback(null, [null] as never),
        'lookup answered undefined, which is no IP address',
      ],
      [(_host, _options, callback) => callback(null), 'there is no address'],
      [
        (_host, _options, callback) => callback(null, 'localhost'),
        'lookup answered "localhost", which is no IP address',
      ],
      [
        () => {
          throw new Error('boom');
        },
        'boom',
      ],
      [
        () => {
          // oxlint-disable-next-line typescript/only-throw-error
          throw 'text';
        },
        'lookup threw text',
      ],
    ];
    for (const [lookup, message] of answers) {
      const failure = await rejection(open(lookup).stream, NetworkFailure);
      t.equal(failure.message, `cannot resolve Example.test: ${message}`);
    }
  });

  await t.test('is not needed for addresses, and for names that hosts has', async (t) => {
    const lookup = (): void => {
      t.fail('not needed');
    };
    const backend = new SocketBackend({ lookup, hosts: { 'EXAMPLE.test': '127.0.0.1' } });
    for (const host of ['127.0.0.1', 'Example.Test']) {
      const opening = backend.open(plain(host, port));
      t.equal((await opening.stream).timings.resolved, undefined);
      await closed(opening);
    }
  });

  await t.test('is dns.lookup by default', async (t) => {
    const opening = new SocketBackend().open(plain('localhost', port));
    t.equal(await closed(opening), `127.0.0.1:${port}`);
  });
});

t.test('a connection that breaks in the handshake makes way for the other addresses', async (t) => {
  await using server = await Listener.tls(() => {}, {}, { host: '127.0.0.3' });
  const breaks = [
    (socket: Socket): unknown => socket.once('data', () => socket.resetAndDestroy()),
    (socket: Socket): unknown => socket.end(),
  ];
  for (const serve of breaks) {
    await using bad = await Listener.tcp(serve, { host: '127.0.0.2', port: server.port });
    const hosts = { localhost: [bad, server].map((_, i) => `127.0.0.${i + 2}`) };
    const opening = new SocketBackend({ hosts, tls: { ca } }).open(
      secure('localhost', server.port),
    );
    t.equal((await opening.stream).remoteAddress, `127.0.0.3:${server.port}`);
    await closed(opening);
  }
});

t.test('those that lost to a connection that broke are tried again', async (t) => {
  await using hole = await BlackHole.open('127.0.0.2');
  const hello = deferred();
  await using bad = await Listener.tcp(
    (socket) => socket.once('data', () => (socket.end(), hello.resolve())),
    {
      host: '127.0.0.3',
      port: hole.port,
    },
  );
  const hosts = { localhost: ['127.0.0.2', '127.0.0.3'] };
  const backend = new SocketBackend({ hosts, tls: { ca }, attemptDelay: 10 });
  const opening = backend.open(secure('localhost', bad.port));
  await hello.promise;
  hole.wake();
  const failure = await rejection(opening.stream, NetworkFailure);
  const { port } = hole;
  t.equal(
    failure.message,
    `cannot connect to localhost:${port}: ` +
      `127.0.0.3:${port}: TLS: the connection broke during the handshake (ECONNRESET); ` +
      `127.0.0.2:${port}: TLS: the connection broke during the handshake (ECONNRESET)`,
  );
});

t.test('what TLS refuses is final: no other address is tried', async (t) => {
  await using wrong = await Listener.tls(() => {}, {}, { host: '127.0.0.3' });
  const { port } = wrong;
  const hosts = { 'other.test': ['127.0.0.2', '127.0.0.3', '127.0.0.4'] };
  const backend = new SocketBackend({ hosts, tls: { ca } });
  const failure = await rejection(backend.open(secure('other.test', port)).stream, NetworkFailure);
  t.equal(failure.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  t.match(
    failure.message,
    `127.0.0.2:${port}: connect ECONNREFUSED; 127.0.0.3:${port}: TLS: Hostname/IP does not match certificate's altnames`,
  );
  t.equal(failure.attempts.length, 2);
  t.equal(failure.cause, failure.attempts[1]?.error, 'the failure that decided');
});
