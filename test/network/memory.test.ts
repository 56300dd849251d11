import t from 'tap';
import { MemoryBackend, type MemoryServer } from '../../src/network/memory.ts';
import { memoryPair, type MemoryStream } from '../../src/network/memory-stream.ts';
import { NetworkFailure, type NetworkTarget } from '../../src/network/stream.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { Recorder } from './recorder.ts';

assertNoLeaks(t);

const target: NetworkTarget = { host: 'example.test', port: 80, tls: null };
const secure: NetworkTarget = {
  ...target,
  port: 443,
  tls: { servername: 'example.test', alpn: ['h2', 'http/1.1'] },
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function pair(highWaterMark?: number): { near: MemoryStream; far: MemoryStream } {
  const [near, far] = memoryPair(highWaterMark === undefined ? {} : { highWaterMark });
  return { near, far };
}

t.test('what one writes the other receives, later, one delivery for each write', async (t) => {
  const { near, far } = pair();
  const recorder = Recorder.attachTo(far);
  const bytes = Buffer.from('world');
  t.equal(near.write('h\xe9llo '), true);
  t.equal(near.write(bytes), true);
  bytes.fill('x');
  t.equal(near.write(''), true);
  t.equal(near.bytesPending, 11);
  t.strictSame(recorder.events, []);
  await recorder.received('world');
  t.equal(recorder.text, 'h\xe9llo world');
  t.strictSame(recorder.events, ['bytes 6', 'bytes 5']);
  t.equal(near.bytesPending, 0);
});

t.test('what is written between cork() and uncork() comes as one', async (t) => {
  const { near, far } = pair();
  const recorder = Recorder.attachTo(far);
  near.cork();
  near.write('one ');
  near.write('two');
  await turn();
  t.strictSame(recorder.events, []);
  near.uncork();
  near.uncork();
  await recorder.received('two');
  t.strictSame(recorder.events, ['bytes 7']);
});

t.test('a peer that holds back, or is not there yet, fills the stream', async (t) => {
  const { near, far } = pair(10);
  const writer = Recorder.attachTo(near);
  t.equal(near.write('12345'), true);
  t.equal(near.write('67890'), false);
  t.equal(near.write('x'), false);
  await turn();
  t.equal(near.bytesPending, 11);
  let wanted = 1;
  const reader = Recorder.attachTo(far, { onBytes: () => --wanted > 0 });
  await turn();
  t.equal(reader.text, '12345');
  t.strictSame(writer.events, []);
  wanted = 3;
  far.resume();
  await writer.event('drain');
  t.equal(reader.text, '1234567890x');
  t.equal(near.write('y'), true);
});

t.test(
  'each side ends by itself, behind what it wrote, and both close when both have',
  async (t) => {
    const { near, far } = pair();
    const [a, b] = [Recorder.attachTo(near), Recorder.attachTo(far)];
    near.cork();
    near.write('bye');
    near.end();
    near.end();
    await b.event('end');
    t.equal(b.text, 'bye');
    far.write('still here');
    far.end();
    await a.event('close');
    await b.event('close');
    t.equal(a.text, 'still here');
    t.strictSame(
      [a.milestones, b.milestones],
      [
        ['end', 'close'],
        ['end', 'close'],
      ],
    );
  },
);

t.test(
  'destroy() loses what is pending; the peer sees the end, and its writes break',
  async (t) => {
    const { near, far } = pair();
    const [a, b] = [Recorder.attachTo(near), Recorder.attachTo(far)];
    near.write('lost');
    near.destroy();
    near.destroy();
    t.equal(near.write('late'), false);
    await b.event('end');
    t.strictSame(a.events, ['close']);
    far.write('anyone?');
    await b.event('close');
    t.strictSame(b.events, ['end', 'close: write EPIPE']);
  },
);

t.test('reset() breaks the connection at the peer', async (t) => {
  const { near, far } = pair();
  const [a, b] = [Recorder.attachTo(near), Recorder.attachTo(far)];
  far.reset();
  far.reset();
  await a.event('close');
  t.match(a.error, { code: 'ECONNRESET', message: 'read ECONNRESET' });
  t.strictSame(b.events, ['close']);
});

t.test('an exception of a receiver breaks the connection', async (t) => {
  const { near, far } = pair();
  const a = Recorder.attachTo(near);
  const b = Recorder.attachTo(far, {
    onBytes: () => {
      throw new Error('boom');
    },
  });
  near.write('x');
  await a.event('close');
  t.strictSame(b.milestones, ['close: boom']);
  t.strictSame(a.events, ['close: read ECONNRESET']);
});

t.test('a write after end() is an error', async (t) => {
  const { near } = pair();
  const recorder = Recorder.attachTo(near);
  near.end();
  t.equal(near.write('x'), false);
  await recorder.event('close');
  t.strictSame(recorder.events, ['close: written after end()']);
});

t.test('the receiver reads into its own memory', async (t) => {
  const { near, far } = pair();
  const memory = Buffer.alloc(4);
  const recorder = Recorder.attachTo(far, { nextBuffer: () => memory });
  near.write('123456');
  await recorder.received('123456');
  t.strictSame(recorder.events, ['bytes 4', 'bytes 2']);
  t.ok(recorder.buffers.every((buffer) => buffer === memory));
});

t.test('a script is played: expect, reply in pieces, wait for the test, end', async (t) => {
  const gate = deferred();
  const network = new MemoryBackend([
    { expect: 'GET /a HTTP/1.1\r\n' },
    { expect: /host: (.*)\r\n\r\n/i },
    { reply: 'HTTP/1.1 200 OK\r\n', split: 5 },
    { wait: gate.promise },
    { reply: Buffer.from('\r\nbody'), split: [1, 1] },
    { expect: Buffer.from('bye') },
    'end',
  ]);
  const stream = await network.open(target).stream;
  t.equal(stream.remoteAddress, 'example.test:80');
  t.equal(stream.tls, null);
  const recorder = Recorder.attachTo(stream);
  stream.write('GET /a HT');
  stream.write('TP/1.1\r\nHost: x\r\n');
  stream.write('\r\n');
  await recorder.received('OK\r\n');
  t.strictSame(recorder.events, ['bytes 5', 'bytes 5', 'bytes 5', 'bytes 2']);
  gate.resolve();
  await recorder.received('body');
  t.strictSame(recorder.events.slice(4), ['bytes 1', 'bytes 1', 'bytes 4']);
  stream.write('bye');
  await recorder.event('end');
  await network.played();
  const [connection] = network.connections;
  t.equal(connection?.text, 'GET /a HTTP/1.1\r\nHost: x\r\n\r\nbye');
  t.equal(connection?.written.length, 31);
  t.equal(connection?.state, 'open');
});

t.test('a client that does not follow the script sees it, and so does the test', async (t) => {
  const network = new MemoryBackend([{ expect: 'GET' }]);
  const stream = await network.open(target).stream;
  const recorder = Recorder.attachTo(stream);
  stream.write('PUT');
  await recorder.event('close');
  const message = 'expected "GET", but the client wrote "PUT"';
  t.equal(recorder.error?.message, message);
  t.match(await rejection(network.played()), { message });

  const early = new MemoryBackend([{ expect: /GET/ }]);
  (await early.open(target).stream).destroy();
  t.match(await rejection(early.played()), {
    message: 'expected /GET/, but the client wrote "", and ended',
  });
});

t.test('a connection can be reset, with an error of your choice', async (t) => {
  const network = new MemoryBackend(['reset'], [{ reset: new Error('cable cut') }]);
  for (const message of ['read ECONNRESET', 'cable cut']) {
    const recorder = Recorder.attachTo(await network.open(target).stream);
    await recorder.event('close');
    t.equal(recorder.error?.message, message);
  }
});

t.test('a reply waits for a client that does not read', async (t) => {
  const network = new MemoryBackend([{ reply: Buffer.alloc(200_000, 'x'), split: 50_000 }, 'end']);
  const stream = await network.open(target).stream;
  const recorder = Recorder.attachTo(stream, { onBytes: () => false });
  let over = false;
  void network.played().then(() => (over = true));
  await turn();
  t.equal(over, false);
  while (recorder.text.length < 200_000) {
    stream.resume();
    await turn();
  }
  await recorder.event('end');
  t.equal(over, true);

  const gone = new MemoryBackend([{ reply: Buffer.alloc(200_000), split: 50_000 }]);
  const leaver = await gone.open(target).stream;
  leaver.destroy();
  await gone.played();
});

t.test('the plans are taken in turn, the last one for all that follow', async (t) => {
  const network = new MemoryBackend(
    { refuse: 'ECONNREFUSED' },
    { refuse: new Error('no route') },
    [],
    {},
  );
  const refused = await rejection(network.open(target).stream, NetworkFailure);
  t.equal(refused.message, 'cannot connect to example.test:80: connect ECONNREFUSED');
  t.equal(refused.code, 'ECONNREFUSED');
  t.equal(
    (await rejection(network.open(target).stream, NetworkFailure)).message,
    'cannot connect to example.test:80: no route',
  );
  await network.open(target).stream;
  await network.open(target).stream;
  await network.open(target).stream;
  t.strictSame(
    network.connections.map(({ state }) => state),
    ['refused', 'refused', 'open', 'open', 'open'],
  );
  await network.played();
  t.throws(() => new MemoryBackend(), TypeError);
});

t.test('a connection can be held up, refused late, and cancelled', async (t) => {
  const gate = deferred();
  const network = new MemoryBackend(
    { after: gate.promise, steps: ['end'] },
    { after: gate.promise, refuse: 'ECONNREFUSED' },
    { after: Promise.reject(new Error('late')) },
    { after: gate.promise },
  );
  const openings = [1, 2, 3, 4].map(() => network.open(target));
  const reason = new Error('enough');
  openings[3]?.cancel(reason);
  t.equal(await rejection(openings[3]?.stream as Promise<unknown>), reason);
  gate.resolve();
  const recorder = Recorder.attachTo((await openings[0]?.stream) as MemoryStream);
  await recorder.event('end');
  await rejection(openings[1]?.stream as Promise<unknown>, NetworkFailure);
  t.match(await rejection(openings[2]?.stream as Promise<unknown>), { message: /late/ });
  openings[0]?.cancel(reason);
  t.strictSame(
    network.connections.map(({ state }) => state),
    ['open', 'refused', 'refused', 'cancelled'],
  );
  await network.played();
});

t.test('a server can be run in the process', async (t) => {
  const echo: MemoryServer = (stream, { host }) => {
    t.equal(host, 'example.test');
    stream.attach({
      onBytes: (buffer, length) => stream.write(buffer.subarray(0, length)),
      nextBuffer: () => undefined,
      onDrain: () => stream.resume(),
      onEnd: () => stream.end(),
      onClose: () => {},
    });
  };
  const stream = await new MemoryBackend(echo).open(target).stream;
  const recorder = Recorder.attachTo(stream);
  stream.ref();
  stream.unref();
  stream.write('hello');
  await recorder.received('hello');
  stream.end();
  await recorder.event('close');
  t.strictSame(recorder.milestones, ['end', 'close']);
});

t.test('TLS is said to have been agreed on where it is asked for', async (t) => {
  const network = new MemoryBackend({}, { alpnProtocol: null });
  const first = await network.open(secure).stream;
  t.match(first.tls, { alpnProtocol: 'h2', version: 'TLSv1.3', resumed: false });
  t.equal(first.timings.secured, first.timings.connected);
  t.equal((await network.open(secure).stream).tls?.alpnProtocol, null);
});
