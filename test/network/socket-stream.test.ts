import { once } from 'node:events';
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTLS } from 'node:tls';
import t from 'tap';
import { SocketStream } from '../../src/network/socket-stream.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { ca } from '../support/tls.ts';
import { duplexPair } from './duplex-pair.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

type Serve = (socket: Socket) => void;

/** A stream that is ready, and what is behind it. */
interface Opened extends AsyncDisposable {
  readonly stream: SocketStream;
}

/** The ways to come to a stream; each has to keep all the promises below. */
const WAYS: Record<string, (serve: Serve) => Promise<Opened>> = {
  'TCP with onread': async (serve) => {
    const server = await Listener.tcp(serve);
    const { port } = server;
    const [stream, socket] = make((onread) =>
      connect({ host: '127.0.0.1', port, onread, allowHalfOpen: true }),
    );
    await once(socket, 'connect');
    return opened(stream, server);
  },
  'TLS with onread': async (serve) => {
    const server = await Listener.tls(serve);
    const { port } = server;
    const host = '127.0.0.1';
    const [stream, socket] = make((onread) => {
      const options = { host, port, servername: 'localhost', ca, allowHalfOpen: true, onread };
      return connectTLS(options);
    });
    await once(socket, 'secureConnect');
    return opened(stream, server);
  },
  'TLS over a socket, by data events': async (serve) => {
    const server = await Listener.tls(serve);
    const tcp = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
    await once(tcp, 'connect');
    const socket = connectTLS({ socket: tcp, servername: 'localhost', ca });
    const stream = new SocketStream(socket);
    await once(socket, 'secureConnect');
    return opened(stream, server);
  },
  'any Duplex': async (serve) => {
    const [near, far] = duplexPair();
    serve(far as Socket);
    const stream = new SocketStream(near);
    return {
      stream,
      async [Symbol.asyncDispose]() {
        stream.destroy();
        far.destroy();
      },
    };
  },
};

function make(create: (onread: OnReadOpts) => Socket): [SocketStream, Socket] {
  const sockets: Socket[] = [];
  const stream = new SocketStream((onread) => {
    const socket = create(onread);
    sockets.push(socket);
    return socket;
  });
  return [stream, sockets[0] as Socket];
}

function opened(stream: SocketStream, server: Listener): Opened {
  return {
    stream,
    async [Symbol.asyncDispose]() {
      stream.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

for (const [way, open] of Object.entries(WAYS)) {
  t.test(way, async (t) => {
    t.test('what is written arrives, and what is answered is received', async (t) => {
      await using it = await open((socket) => socket.pipe(socket));
      const recorder = Recorder.attachTo(it.stream);
      it.stream.write('h\xe9llo ');
      it.stream.write(Buffer.from('world'));
      await recorder.received('world');
      t.equal(recorder.text, 'h\xe9llo world', 'a string is latin1');
    });

    t.test('bytes that come before attach() are not lost', async (t) => {
      let sent: Promise<void> | undefined;
      await using it = await open((socket) => {
        sent = new Promise((resolve) => socket.write('early', () => resolve()));
      });
      await sent;
      // Long enough for the bytes to be read, were anybody reading.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      const recorder = Recorder.attachTo(it.stream);
      await recorder.received('early');
      t.equal(recorder.text, 'early');
    });

    t.test('the receiver chooses the memory of each read', async (t) => {
      const memory = [Buffer.alloc(3), Buffer.alloc(1000), Buffer.alloc(1000)];
      const given = [...memory];
      await using it = await open((socket) => {
        socket.once('data', () => socket.end('abcdef'));
        socket.write('123456');
      });
      const recorder = Recorder.attachTo(it.stream, { nextBuffer: () => given.shift() });
      await recorder.received('123456');
      it.stream.write('more');
      await recorder.event('end');
      t.equal(recorder.text, '123456abcdef');
      t.equal(recorder.buffers[0], memory[0]);
      t.equal(recorder.buffers[1], memory[1]);
      t.ok(recorder.buffers.every((buffer) => (memory as Uint8Array[]).includes(buffer)));
    });

    t.test('it reads no further than the receiver wants, and all after resume()', async (t) => {
      const body = Buffer.alloc(4 << 20, 'abcdefghij');
      await using it = await open((socket) => {
        for (let at = 0; at < body.length; at += 65_536)
          socket.write(body.subarray(at, at + 65_536));
        socket.end();
      });
      let stops = 0;
      const recorder = Recorder.attachTo(it.stream, {
        onBytes: () => {
          stops += 1;
          return false;
        },
      });
      await recorder.event('bytes');
      const seen = recorder.text.length;
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      t.equal(recorder.text.length, seen, 'nothing more comes');
      t.ok(seen < body.length / 2, `${seen} bytes`);
      while (recorder.text.length < body.length) {
        const before = recorder.text.length;
        it.stream.resume();
        await recorder.receivedBytes(before + 1);
      }
      it.stream.resume();
      await recorder.event('end');
      t.equal(recorder.text, body.toString('latin1'));
      t.ok(stops > 2, `stopped ${stops} times`);
    });

    t.test('a full stream answers false and tells when it has drained', async (t) => {
      let reader: Socket | undefined;
      await using it = await open((socket) => {
        reader = socket;
        socket.pause();
      });
      const recorder = Recorder.attachTo(it.stream);
      const chunk = Buffer.alloc(1 << 20);
      while (it.stream.write(chunk));
      t.ok(it.stream.bytesPending > 0);
      t.strictSame(recorder.milestones, []);
      reader?.resume();
      await recorder.event('drain');
      t.equal(it.stream.bytesPending, 0);
    });

    t.test('what is written between cork() and uncork() is gathered', async (t) => {
      await using it = await open((socket) => socket.pipe(socket));
      const recorder = Recorder.attachTo(it.stream);
      it.stream.cork();
      it.stream.write('one ');
      it.stream.write('two');
      t.ok(it.stream.bytesPending >= 7);
      it.stream.uncork();
      await recorder.received('one two');
    });

    t.test('each side ends by itself, and the stream closes when both have', async (t) => {
      let text = '';
      await using it = await open((socket) => {
        socket.on('data', (chunk) => (text += String(chunk)));
        socket.on('end', () => (text += '.'));
        socket.end('bye');
      });
      const recorder = Recorder.attachTo(it.stream);
      await recorder.event('end');
      t.equal(recorder.text, 'bye');
      t.strictSame(recorder.milestones, ['end']);
      it.stream.write('still there');
      it.stream.end();
      await recorder.event('close');
      t.strictSame(recorder.milestones, ['end', 'close']);
    });

    t.test('destroy() closes: nothing is told but the close, once', async (t) => {
      await using it = await open((socket) => socket.write('some bytes'));
      const recorder = Recorder.attachTo(it.stream);
      await recorder.event('bytes');
      it.stream.destroy();
      it.stream.destroy();
      t.equal(it.stream.write('too late'), false);
      it.stream.resume();
      await recorder.event('close');
      t.strictSame(recorder.milestones, ['close']);
    });

    t.test(
      'an exception of the receiver destroys the stream and is the reason of the close',
      async (t) => {
        await using it = await open((socket) => socket.write('some bytes'));
        const recorder = Recorder.attachTo(it.stream, {
          onBytes: () => {
            throw new Error('boom');
          },
        });
        await recorder.event('close');
        t.strictSame(recorder.milestones, ['close: boom']);
      },
    );

    t.test('a later receiver gets what comes later', async (t) => {
      await using it = await open((socket) => socket.pipe(socket));
      const first = Recorder.attachTo(it.stream);
      it.stream.write('one');
      await first.received('one');
      const second = Recorder.attachTo(it.stream);
      it.stream.write('two');
      await second.received('two');
      t.equal(first.text, 'one');
    });
  });
}

t.test('a reset by the peer is told with its error, last', async (t) => {
  await using it = await (WAYS['TCP with onread'] as (serve: Serve) => Promise<Opened>)((socket) =>
    socket.once('data', () => socket.resetAndDestroy()),
  );
  const recorder = Recorder.attachTo(it.stream);
  it.stream.write('x');
  await recorder.event('close');
  t.strictSame(recorder.events, ['close: read ECONNRESET']);
});

t.test('where there is onread, no Readable is in the way', async (t) => {
  for (const way of ['TCP with onread', 'TLS with onread']) {
    await using it = await (WAYS[way] as (serve: Serve) => Promise<Opened>)((socket) =>
      socket.write('hello'),
    );
    const recorder = Recorder.attachTo(it.stream);
    await recorder.received('hello');
    const socket = it.stream.takeSocket();
    t.equal(socket?.listenerCount('data'), 0, way);
    t.equal(socket?.readableFlowing, null, way);
    socket?.destroy();
  }
});

t.test('a socket that is taken leaves its stream silent', async (t) => {
  await using server = await Listener.tcp((socket) => socket.pipe(socket));
  const { port } = server;
  const [stream, socket] = make((onread) => connect({ host: '127.0.0.1', port, onread }));
  await once(socket, 'connect');
  const recorder = Recorder.attachTo(stream);
  t.equal(stream.takeSocket(), socket);
  stream.destroy();
  stream.resume();
  t.equal(socket.destroyed, false, 'it is no longer the stream that decides');
  socket.destroy();
  await once(socket, 'close');
  t.strictSame(recorder.events, []);
  t.equal(stream.takeSocket(), undefined, 'it is gone');
});

t.test('a socket is not given away with bytes that nobody has had', async (t) => {
  await using server = await Listener.tcp((socket) => socket.write('early'));
  const { port } = server;
  const [stream, socket] = make((onread) => connect({ host: '127.0.0.1', port, onread }));
  await once(socket, 'connect');
  while (socket.bytesRead === 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(stream.takeSocket(), undefined);
  const recorder = Recorder.attachTo(stream);
  await recorder.received('early');
  stream.destroy();
  await recorder.event('close');
});
