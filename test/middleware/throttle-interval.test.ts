import { mock } from 'node:test';
import t from 'tap';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import type { Response } from '../../src/messages/response.ts';
import { ThrottleError, ThrottleMiddleware } from '../../src/middleware/throttle.ts';
import { turn } from '../support/clock.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

// Node 20 and 22 say that a faked clock is experimental.
assertNoLeaks(t, { allow: [/MockTimers/] });

// The layer loads p-queue with its first request: here, so that the tests can count turns of the event loop.
await new ThrottleMiddleware(new StubTransport(), { concurrency: 1 }).request('GET', 'http://h/');

t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] }));
t.afterEach(() => mock.timers.reset());

/** The clock goes on, and what is due happens, timer by timer. */
async function pass(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 10) {
    mock.timers.tick(10);
    await turn();
  }
}

const request = (path: string, init: RequestInit = {}): Request =>
  new Request('GET', `http://h.test/${path}`, init);

function sender(
  layer: ThrottleMiddleware,
): (path: string, init?: RequestInit) => Promise<Response> {
  return (path, init) => {
    const sending = layer.send(request(path, init));
    sending.catch(() => {});
    return sending;
  };
}

t.test('so many requests begin within an interval, the next ones when it is over', async (t) => {
  const transport = new StubTransport();
  await using layer = new ThrottleMiddleware(transport, { interval: 1000, intervalCap: 2 });
  const send = sender(layer);
  const all = ['a', 'b', 'c', 'd', 'e'].map((path) => send(path));
  await turn();
  t.equal(transport.requests.length, 2);
  t.equal(layer.snapshot().queued, 3);
  await pass(990);
  t.equal(transport.requests.length, 2);
  await pass(10);
  t.equal(transport.requests.length, 4);
  await pass(1000);
  t.equal(transport.requests.length, 5);
  await Promise.all(all);
});

t.test('the interval slides: no two bursts meet at its end', async (t) => {
  const transport = new StubTransport();
  await using layer = new ThrottleMiddleware(transport, { interval: 1000, intervalCap: 2 });
  const send = sender(layer);
  await send('a');
  await pass(900);
  void send('b');
  await pass(50);
  const [third, fourth] = [send('c'), send('d')];
  await pass(40);
  t.equal(transport.requests.length, 2);
  await pass(10);
  t.equal(transport.requests.length, 3, 'the first one is a second ago');
  await pass(890);
  t.equal(transport.requests.length, 3);
  await pass(10);
  t.equal(transport.requests.length, 4, 'the second one is');
  await Promise.all([third, fourth]);
});

t.test('who is aborted while waiting costs nobody a place in the interval', async (t) => {
  const transport = new StubTransport();
  await using layer = new ThrottleMiddleware(transport, { interval: 1000, intervalCap: 1 });
  const send = sender(layer);
  const controller = new AbortController();
  await send('a');
  const aborted = Array.from({ length: 10 }, () => send('b', { signal: controller.signal }));
  const last = send('c');
  await turn();
  controller.abort(new Error('no'));
  for (const each of aborted) await rejection(each);
  await pass(1000);
  await last;
  t.strictSame(transport.log, ['GET http://h.test/a', 'GET http://h.test/c']);
});

t.test('who is aborted in the moment of its turn is not sent', async (t) => {
  const transport = new StubTransport();
  await using layer = new ThrottleMiddleware(transport, { interval: 1000, intervalCap: 2 });
  const send = sender(layer);
  await send('a');
  const controller = new AbortController();
  const second = send('b', { signal: controller.signal });
  controller.abort(new Error('no'));
  t.match(await rejection(second), { message: 'no' });
  t.equal(transport.requests.length, 1);
  t.match(layer.snapshot(), { running: 0, queued: 0 });
});

t.test('a request is refused only where it would have to wait', async () => {
  const layer = new ThrottleMiddleware(new StubTransport(), {
    interval: 1000,
    intervalCap: 2,
    maxQueue: 0,
  });
  const send = sender(layer);
  await Promise.all([send('a'), send('b')]);
  await rejection(send('c'), ThrottleError);
  await pass(1000);
  await send('d');
  await layer.close();
});

t.test('a key is remembered for an interval, and no longer', async (t) => {
  const transport = new StubTransport();
  const layer = new ThrottleMiddleware(transport, { interval: 1000, intervalCap: 1 });
  const send = sender(layer);
  await Promise.all(['a', 'b', 'c'].map((key) => send(key, { throttle: { key } })));
  await pass(500);
  const again = send('a', { throttle: { key: 'a' } });
  await pass(490);
  t.equal(transport.requests.length, 3, 'it was idle, and its limit still holds');
  await pass(10);
  t.equal(transport.requests.length, 4);
  await again;
  await pass(2000);
  await send('a', { throttle: { key: 'a' } });
  t.equal(transport.requests.length, 5, 'forgotten, or not: it may be sent');
  await layer.close();
  await pass(2000);
});
