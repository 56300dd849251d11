import { once } from 'node:events';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { toDuplex } from '../../src/network/duplex.ts';
import { memoryPair, type MemoryStream } from '../../src/network/memory-stream.ts';
import { SocketBackend } from '../../src/network/socket-backend.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { Recorder } from './recorder.ts';
import { Listener } from './servers.ts';

assertNoLeaks(t);

const NOTHING = new Uint8Array(0);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function pair(highWaterMark = 64 * 1024): [MemoryStream, MemoryStream] {
  return memoryPair({ highWaterMark });
}

/** All that comes until the end. (`text()` of node:stream/consumers would destroy the Duplex.) */
async function text(duplex: Duplex): Promise<string> {
  let received = '';
  duplex.on('data', (chunk) => (received += String(chunk)));
  await once(duplex, 'end');
  return received;
}

async function closed(duplex: Duplex): Promise<void> {
  if (!duplex.closed) await once(duplex, 'close');
}

t.test('the head is read first, then what comes', async (t) => {
  const [near, far] = pair();
  const duplex = toDuplex(near, Buffer.from('head '));
  far.write('and ');
  far.write('body');
  far.end();
  t.equal(await text(duplex), 'head and body');
  duplex.end();
  await closed(duplex);
});

t.test('what is written arrives, in order, and its end', async (t) => {
  const [near, far] = pair();
  const recorder = Recorder.attachTo(far);
  const duplex = toDuplex(near, NOTHING);
  duplex.write('h\xe9llo ', 'latin1');
  duplex.cork();
  duplex.write('one ');
  duplex.write(Buffer.from('two'));
  duplex.uncork();
  duplex.end();
  await recorder.event('end');
  t.equal(recorder.text, 'h\xe9llo one two');
  far.end();
  duplex.resume();
  await closed(duplex);
});

t.test('it is read no faster than it is consumed', async (t) => {
  const [near, far] = pair();
  const writer = Recorder.attachTo(far);
  const duplex = toDuplex(near, NOTHING);
  const chunk = Buffer.alloc(16 * 1024, 'x');
  while (far.write(chunk));
  await turn();
  while (far.write(chunk));
  await turn();
  t.ok(far.bytesPending >= 64 * 1024, 'the peer waits');
  t.ok(duplex.readableLength <= 2 * duplex.readableHighWaterMark, `${duplex.readableLength} bytes`);
  duplex.resume();
  await writer.event('drain');
  duplex.destroy();
  await closed(duplex);
});

t.test('a consumer that reads in small sips gets all', async (t) => {
  const [near, far] = pair();
  const duplex = toDuplex(near, NOTHING);
  const sent = Buffer.alloc(1 << 20, 'abcdefghij');
  for (let at = 0; at < sent.length; at += 30_000) far.write(sent.subarray(at, at + 30_000));
  far.end();
  let received = '';
  duplex.on('readable', () => {
    for (let sip = duplex.read(1000); sip !== null; sip = duplex.read(1000))
      received += String(sip);
  });
  await once(duplex, 'end');
  t.equal(received.length, sent.length);
  t.equal(received, sent.toString());
  duplex.destroy();
});

t.test('it is written no faster than the peer takes it', async (t) => {
  const [near, far] = pair();
  const duplex = toDuplex(near, NOTHING);
  let sent = 0;
  const source = Readable.from(
    (function* () {
      for (; sent < 400; sent++) yield Buffer.alloc(10_000);
    })(),
  );
  const done = pipeline(source, duplex, { end: true });
  await turn();
  await turn();
  t.ok(sent < 40, `${sent} of 400`);
  const reader = Recorder.attachTo(far);
  await reader.event('end');
  t.equal(reader.text.length, 4_000_000);
  far.end();
  duplex.resume();
  await done;
});

t.test('each direction ends by itself', async (t) => {
  const [near, far] = pair();
  const recorder = Recorder.attachTo(far);
  const duplex = toDuplex(near, NOTHING);
  far.end();
  duplex.resume();
  await once(duplex, 'end');
  t.equal(duplex.writable, true);
  duplex.end('later');
  await recorder.event('end');
  t.equal(recorder.text, 'later');
  await closed(duplex);
});

t.test('destroy() destroys the stream, and closes after it', async (t) => {
  const [near, far] = pair();
  const recorder = Recorder.attachTo(far);
  const duplex = toDuplex(near, NOTHING);
  duplex.destroy(new Error('mine'));
  const [error] = (await once(duplex, 'error')) as [Error];
  t.equal(error.message, 'mine');
  await recorder.event('end');
});

t.test('an error of the stream destroys the Duplex, and fails the write that waits', async (t) => {
  const [near, far] = pair(10);
  Recorder.attachTo(far, { onBytes: () => false });
  const duplex = toDuplex(near, NOTHING);
  const written = new Promise((resolve) => duplex.write('x'.repeat(20), resolve));
  await turn();
  const again = new Promise((resolve) => duplex.write('x'.repeat(20), resolve));
  await turn();
  far.reset();
  const [error] = (await once(duplex, 'error')) as [Error];
  t.match(error, { code: 'ECONNRESET' });
  await written;
  t.match(await again, { code: 'ECONNRESET' });
});

t.test('what was received before an orderly close is read before it', async (t) => {
  const [near, far] = pair();
  const duplex = toDuplex(near, NOTHING);
  duplex.end();
  far.write('last words');
  far.end();
  Recorder.attachTo(far);
  await turn();
  t.equal(await text(duplex), 'last words');
  await closed(duplex);
});

t.test('a stream that is closed without an end closes the Duplex', async (t) => {
  const [near, far] = pair();
  Recorder.attachTo(far);
  const duplex = toDuplex(near, NOTHING);
  near.destroy();
  await closed(duplex);
  t.equal(duplex.readableEnded, false);
});

t.test('it works over a socket, which it keeps the process alive with', async (t) => {
  await using server = await Listener.tcp((socket) => socket.pipe(socket));
  const stream = await new SocketBackend().open({ host: '127.0.0.1', port: server.port, tls: null })
    .stream;
  const duplex = toDuplex(stream, NOTHING) as ReturnType<typeof toDuplex> & {
    ref(): unknown;
    unref(): unknown;
  };
  t.equal(duplex.unref(), duplex);
  t.equal(duplex.ref(), duplex);
  const body = 'x'.repeat(3 << 20);
  duplex.end(body);
  t.equal(await text(duplex), body);
  await closed(duplex);
});
