import t from 'tap';
import { BytesContent, TextContent } from '../../src/messages/content/memory.ts';
import { StreamContent } from '../../src/messages/content/stream.ts';
import {
  Meter,
  ReportedContent,
  ReportedSource,
  type Progress,
} from '../../src/messages/progress.ts';
import { collect } from '../support/collect.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';

t.test('it is told at the beginning, at most every 100 ms, and at the end', async (t) => {
  const told: Progress[] = [];
  const meter = new Meter((progress) => told.push(progress), 1000);
  meter.begin(0, 0);
  for (let now = 10; now <= 250; now += 10) meter.moved(now, now);
  meter.end(1000, 260);
  t.same(
    told.map(({ transferred }) => transferred),
    [0, 100, 200, 1000],
  );
  t.same(told[0], { transferred: 0, total: 1000, bytesPerSecond: 0 });
  t.same(told[1], { transferred: 100, total: 1000, bytesPerSecond: 1000 });
});

t.test('the end is told once', async (t) => {
  const told: number[] = [];
  const meter = new Meter(({ transferred }) => told.push(transferred), 5);
  meter.begin(0, 0);
  meter.moved(5, 200);
  meter.end(5, 201);
  t.same(told, [0, 5]);
});

t.test('the speed is that of the last two seconds', async (t) => {
  const speeds: number[] = [];
  const meter = new Meter(({ bytesPerSecond }) => speeds.push(bytesPerSecond), undefined);
  let transferred = 0;
  meter.begin(0, 0);
  for (let now = 100; now <= 5000; now += 100) meter.moved((transferred += 100_000), now);
  t.equal(speeds.at(-1), 1_000_000);
  for (let now = 5100; now <= 7000; now += 100) meter.moved((transferred += 1000), now);
  t.equal(speeds.at(-1), 10_000, 'what was before does not count');
  for (let now = 7100; now <= 10_000; now += 100) meter.moved(transferred, now);
  t.equal(speeds.at(-1), 0, 'nothing has come');
  meter.moved(transferred + 500, 20_000);
  t.equal(speeds.at(-1), 50, 'after a long silence, since the last time');
});

t.test('a content that is reported is what it was, and is never taken as a whole', async (t) => {
  const trailers: [string, string][] = [['x', '1']];
  const inner = Object.assign(new TextContent('é'.repeat(100_000)), {
    contentEncoding: 'x',
    filename: 'a',
    trailers: () => trailers,
  });
  const told: Progress[] = [];
  const content = new ReportedContent(inner, (progress) => told.push(progress));
  const { contentType, contentLength, contentEncoding, filename, replayable } = content;
  t.same(
    [contentType, contentLength, contentEncoding, filename, replayable, content.trailers?.()],
    ['text/plain;charset=UTF-8', 200_000, 'x', 'a', true, trailers],
  );
  t.notOk('bytes' in content);
  t.notOk('ascii' in content);
  t.equal(new ReportedContent(new TextContent(''), () => {}).trailers, undefined);
  for (let time = 0; time < 2; time++) {
    told.length = 0;
    t.equal((await collect(content.stream())).toString(), 'é'.repeat(100_000));
    t.equal(told[0]?.transferred, 0, 'sent again, it begins again');
    t.equal(told.at(-1)?.transferred, 200_000);
  }
});

t.test('large pieces are cut, and counted when the next one is asked for', async (t) => {
  let now = 0;
  const clock = t.capture(performance, 'now', () => (now += 100));
  const told: number[] = [];
  const body = new BytesContent(Buffer.alloc(150_000));
  const content = new ReportedContent(body, ({ transferred }) => told.push(transferred));
  const seen: [number, number | undefined][] = [];
  for await (const piece of content.stream()) seen.push([piece.byteLength, told.at(-1)]);
  t.same(seen, [
    [65_536, 0],
    [65_536, 65_536],
    [18_928, 131_072],
  ]);
  t.same(told, [0, 65_536, 131_072, 150_000]);
  clock.restore();
});

t.test('without a length there is no total; an empty body is told once', async (t) => {
  const told: Progress[] = [];
  const listener = (progress: Progress): void => void told.push(progress);
  await collect(new ReportedContent(new StreamContent(['abc']), listener).stream());
  t.same(
    told.map(({ transferred, total }) => [transferred, total]),
    [
      [0, undefined],
      [3, undefined],
    ],
  );
  told.length = 0;
  await collect(new ReportedContent(new TextContent(''), listener).stream());
  t.same(told, [{ transferred: 0, total: 0, bytesPerSecond: 0 }]);
});

t.test('what the listener throws ends the body', async (t) => {
  const reason = new Error('no screen');
  let ended = false;
  const pieces = (async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.from('a');
      yield Buffer.from('b');
    } finally {
      ended = true;
    }
  })();
  let calls = 0;
  const content = new ReportedContent(new StreamContent(pieces), () => {
    if (++calls === 2) throw reason;
  });
  t.equal(await rejection(collect(content.stream())), reason);
  t.ok(ended);
});

t.test('a source that is reported counts what came over the wire', async (t) => {
  const told: number[] = [];
  const wire = new StubSource('xy', 'z');
  const meter = new Meter(({ transferred }) => told.push(transferred), 3);
  const decoded = StubSource.around(wire, 'decoded');
  const source = new ReportedSource(decoded, meter);
  await wire.pull();
  t.equal((await source.pull())?.byteLength, 7);
  await wire.pull();
  t.equal(await source.pull(), null);
  t.same(told, [2, 3]);
  t.equal(source.bytesReceived, 3);

  const raw = source.inner as ReportedSource;
  t.equal(raw.inner, undefined, 'the raw bytes are those of the wire');
  t.equal(raw.bytesReceived, 3);
  await source.cancel();
  t.equal(decoded.cancels, 1);
  t.equal(source.trailers, null);
  t.equal(source.upgrade, undefined);
  const upgrade = (): never => 'duplex' as never;
  t.equal(
    new ReportedSource(Object.assign(new StubSource(), { upgrade }), meter).upgrade?.(),
    'duplex',
  );
});

t.test('what the listener throws gives the source up', async (t) => {
  const reason = new Error('no screen');
  const inner = new StubSource('a', 'b');
  const meter = new Meter(() => {
    throw reason;
  }, undefined);
  const source = new ReportedSource(inner, meter);
  t.equal(await rejection(source.pull()), reason);
  t.equal(inner.cancels, 1);
});
