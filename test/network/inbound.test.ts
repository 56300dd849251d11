import t from 'tap';
import { Inbound } from '../../src/network/inbound.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { Recorder } from './recorder.ts';

assertNoLeaks(t);

/** A source in the test's hands. */
class Source extends Inbound {
  starts = 0;

  bytes(text: string, buffer: Uint8Array = Buffer.from(text, 'latin1')): boolean {
    return this.take(buffer, text.length);
  }

  override ended(): void {
    super.ended();
  }

  override closed(error?: Error): void {
    super.closed(error);
  }

  override drained(): void {
    super.drained();
  }

  override drop(): void {
    super.drop();
  }

  override silence(): void {
    super.silence();
  }

  get reads(): Uint8Array | undefined {
    return this.memory;
  }

  protected override startReading(): void {
    this.starts += 1;
  }

  protected override fail(error: Error): void {
    this.closed(error);
  }
}

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('bytes are handed out in the memory in which they came, without a copy', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never);
  const buffer = Buffer.from('hello, stale');
  t.equal(source.bytes('hello', buffer), true);
  t.equal(recorder.text, 'hello');
  t.equal(recorder.buffers[0], buffer);
});

t.test('what comes before there is a receiver stops the source and is kept for it', async (t) => {
  const source = new Source();
  const shared = Buffer.from('one');
  t.equal(source.bytes('one', shared), false, 'stop');
  shared.write('XXX');
  t.equal(source.bytes('two'), false);
  source.ended();
  const recorder = Recorder.attachTo(source as never);
  t.equal(recorder.text, '', 'not out of attach()');
  await microtasks();
  t.equal(recorder.text, 'onetwo');
  t.strictSame(recorder.events, ['bytes 3', 'bytes 3', 'end']);
  t.equal(source.starts, 1, 'the source runs again');
});

t.test('bytes come in the memory that was asked for, wherever they were read to', async (t) => {
  const memory = [Buffer.alloc(4), Buffer.alloc(3), undefined, Buffer.alloc(100)];
  const expected = [memory[0], memory[1], memory[1], memory[3]];
  const source = new Source();
  const recorder = Recorder.attachTo(source as never, { nextBuffer: () => memory.shift() });
  t.equal(source.reads?.length, 4, 'where the source may read to next');
  source.bytes('abcdefghijk');
  t.strictSame(recorder.events, ['bytes 4', 'bytes 3', 'bytes 3', 'bytes 1']);
  t.strictSame(recorder.buffers, expected);
  t.equal(recorder.text, 'abcdefghijk');
  t.equal(source.reads?.length, 100);
});

t.test('a receiver that answers false gets nothing until it resumes, and then all', async (t) => {
  const source = new Source();
  const answers = [false, true, false];
  const recorder = Recorder.attachTo(source as never, { onBytes: () => answers.shift() });
  t.equal(source.starts, 1);
  t.equal(source.bytes('a'), false);
  t.equal(source.bytes('b'), false, 'a source may have more in hand');
  source.bytes('c');
  source.bytes('d');
  source.ended();
  source.closed();
  t.strictSame(recorder.events, ['bytes 1']);
  source.resume();
  t.strictSame(recorder.events, ['bytes 1'], 'not out of resume()');
  await microtasks();
  t.equal(recorder.text, 'abc', 'it stopped again');
  source.resume();
  await microtasks();
  t.equal(recorder.text, 'abcd');
  t.strictSame(recorder.milestones, ['end', 'close']);
  t.equal(source.starts, 1, 'a source that is gone is not started');
});

t.test(
  'the end and the close reach a receiver that has stopped: only bytes are held back',
  async (t) => {
    const source = new Source();
    const recorder = Recorder.attachTo(source as never, { onBytes: () => false });
    source.bytes('a');
    source.ended();
    source.closed(new Error('reset'));
    t.strictSame(recorder.events, ['bytes 1', 'end', 'close: reset']);
  },
);

t.test('each event comes once, and the close last', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never);
  source.ended();
  source.ended();
  source.closed();
  source.closed(new Error('late'));
  source.ended();
  source.drained();
  t.equal(source.bytes('late'), false);
  source.resume();
  await microtasks();
  t.strictSame(recorder.events, ['end', 'close']);
});

t.test('after drop() only the close is told', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never, { onBytes: () => false });
  source.bytes('a');
  source.bytes('b');
  source.drop();
  source.bytes('c');
  source.ended();
  source.drained();
  source.resume();
  await microtasks();
  source.closed();
  t.strictSame(recorder.events, ['bytes 1', 'close']);
});

t.test('after silence() nothing is told', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never);
  source.silence();
  source.bytes('c');
  source.ended();
  source.closed();
  await microtasks();
  t.strictSame(recorder.events, []);
});

t.test(
  'a later receiver takes over from inside a delivery, and what the first answers is void',
  async (t) => {
    const source = new Source();
    const second = new Recorder({ nextBuffer: () => Buffer.alloc(8) });
    const first = Recorder.attachTo(source as never, {
      onBytes: () => {
        source.attach(second);
        return false;
      },
    });
    t.equal(source.bytes('to the first'), true);
    source.bytes('to the 2nd');
    source.closed();
    t.equal(first.text, 'to the first');
    t.equal(second.text, 'to the 2nd');
    t.strictSame(first.milestones, []);
    t.strictSame(second.events, ['bytes 8', 'bytes 2', 'close']);
  },
);

t.test('a receiver that comes after the close is told of it', async (t) => {
  const source = new Source();
  source.closed(new Error('reset'));
  const first = Recorder.attachTo(source as never);
  await microtasks();
  const second = Recorder.attachTo(source as never);
  await microtasks();
  t.strictSame(first.events, ['close: reset']);
  t.strictSame(second.events, ['close: reset']);
});

t.test('an exception of the receiver closes the stream with it and goes no further', async (t) => {
  const boom = new Error('boom');
  const fail = (): never => {
    throw boom;
  };
  for (const method of ['onBytes', 'nextBuffer', 'onDrain', 'onEnd'] as const) {
    const source = new Source();
    const recorder = new Recorder();
    source.attach(recorder);
    recorder[method] = fail;
    source.bytes('a');
    source.drained();
    source.ended();
    t.equal(recorder.error, boom, method);
    t.equal(recorder.events.at(-1), 'close: boom', `${method}: told once, last`);
    t.equal(source.bytes('b'), false);
  }
});

t.test('an exception of nextBuffer() in attach() closes the stream too', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never, {
    nextBuffer: () => {
      throw new Error('boom');
    },
  });
  t.strictSame(recorder.events, ['close: boom']);
  t.equal(source.starts, 0);
});

t.test('what is thrown and is no error becomes one', async (t) => {
  const source = new Source();
  const recorder = new Recorder();
  source.attach(recorder);
  recorder.onEnd = () => {
    // oxlint-disable-next-line typescript/only-throw-error
    throw 'text';
  };
  source.ended();
  t.equal(recorder.error?.message, "the stream's receiver threw text");
});

t.test('an exception of onClose is swallowed: the stream is gone already', async (t) => {
  const source = new Source();
  const recorder = new Recorder();
  source.attach(recorder);
  recorder.onClose = () => {
    throw new Error('boom');
  };
  t.doesNotThrow(() => source.closed());
});

t.test('memory without room is refused', async (t) => {
  const source = new Source();
  const recorder = Recorder.attachTo(source as never, { nextBuffer: () => new Uint8Array(0) });
  t.match(recorder.error?.message, /nextBuffer\(\) answered an empty buffer/);
});
