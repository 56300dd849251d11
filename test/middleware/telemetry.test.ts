import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type HistogramMetricData,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ReadTimeoutError, StatusError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { RedirectMiddleware } from '../../src/middleware/redirect.ts';
import { RetryMiddleware } from '../../src/middleware/retry.ts';
import {
  CallTelemetryMiddleware,
  TelemetryMiddleware,
  type TelemetryApi,
  type TelemetryOptions,
} from '../../src/middleware/telemetry.ts';
import { ConnectionPool } from '../../src/transports/connection-pool.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { okServer } from '../support/ok-server.ts';
import { rejection } from '../support/rejection.ts';
import { StubSource } from '../support/stub-source.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const spans = new InMemorySpanExporter();
const metrics = new InMemoryMetricExporter(AggregationTemporality.DELTA);
const reader = new PeriodicExportingMetricReader({
  exporter: metrics,
  exportIntervalMillis: 2 ** 30,
});
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const meters = new MeterProvider({ readers: [reader] });
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager());
api.trace.setGlobalTracerProvider(tracers);
api.metrics.setGlobalMeterProvider(meters);
api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
t.teardown(async () => {
  await tracers.shutdown();
  await meters.shutdown();
});
t.beforeEach(async () => {
  await reader.forceFlush();
  spans.reset();
  metrics.reset();
});

const URL = 'https://user:hunter2@h.test/users/7?page=2&key=hunter2&hunter2#hunter2';

async function send(
  inner: StubTransport,
  options?: TelemetryOptions,
  init: RequestInit & { method?: string; url?: string } = {},
): Promise<Response> {
  const { method = 'GET', url = URL, ...rest } = init;
  const response = await new TelemetryMiddleware(inner, options).send(
    new Request(method, url, rest),
  );
  await response.read();
  return response;
}

const open = (status = 200): StubTransport => {
  const inner: StubTransport = new StubTransport(() => inner.scoped(status));
  return inner;
};

/** What was measured since the test began. */
async function measured(): Promise<HistogramMetricData> {
  await reader.forceFlush();
  const [metric] = metrics.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? [];
  return metric as HistogramMetricData;
}

t.test('an attempt is a span, as the conventions have it', async (t) => {
  await send(open());
  const [span, ...others] = spans.getFinishedSpans();
  t.equal(others.length, 0);
  t.equal(span?.name, 'GET');
  t.equal(span?.kind, api.SpanKind.CLIENT);
  t.equal(span?.status.code, api.SpanStatusCode.UNSET);
  t.equal(span?.instrumentationScope.name, 'strata-http');
  t.same(span?.attributes, {
    'http.request.method': 'GET',
    'server.address': 'h.test',
    'server.port': 443,
    'url.full': 'https://h.test/users/7?page=REDACTED&key=REDACTED&REDACTED',
    'http.response.status_code': 200,
    'network.protocol.version': '1.1',
  });
});

t.test('what decides on sampling is there when the span begins', async (t) => {
  const seen: unknown[] = [];
  const sampler = {
    shouldSample: (...[, , , , attributes]: unknown[]) => {
      seen.push(attributes);
      return { decision: 0 };
    },
    toString: () => 'test',
  };
  const tracer = new BasicTracerProvider({ sampler }).getTracer('test');
  await send(open(), { tracer });
  t.match(seen, [
    {
      'http.request.method': 'GET',
      'server.address': 'h.test',
      'server.port': 443,
      'url.full': /^https/,
    },
  ]);
  t.equal(spans.getFinishedSpans().length, 0);
});

t.test('the values of query parameters are recorded where they are named', async (t) => {
  await send(open(), { query: ['page'] });
  t.equal(
    spans.getFinishedSpans()[0]?.attributes['url.full'],
    'https://h.test/users/7?page=2&key=REDACTED&REDACTED',
  );
});

t.test('server.address and server.port are those of Host', async (t) => {
  for (const [url, host, address, port] of [
    ['http://h.test:8080/', undefined, 'h.test', 8080],
    ['http://h.test/', undefined, 'h.test', 80],
    ['https://[::1]:9/', undefined, '::1', 9],
    ['https://[::1]/', undefined, '::1', 443],
    ['http://127.0.0.1:1/', 'other.test', 'other.test', 80],
    ['http://127.0.0.1:1/', 'other.test:7', 'other.test', 7],
  ] as const) {
    spans.reset();
    await send(open(), {}, { url, headers: { host } });
    const { attributes } = spans.getFinishedSpans()[0]!;
    t.strictSame([attributes['server.address'], attributes['server.port']], [address, port], url);
  }
});

t.test('a template of the path is a part of the name', async (t) => {
  await send(open(), {}, { urlTemplate: '/users/{id}' });
  const [span] = spans.getFinishedSpans();
  t.equal(span?.name, 'GET /users/{id}');
  t.equal(span?.attributes['url.template'], '/users/{id}');
  const [point] = (await measured()).dataPoints;
  t.equal(point?.attributes['url.template'], '/users/{id}');
});

t.test('a method that is not known is _OTHER', async (t) => {
  await send(open(), {}, { method: 'PURGE' });
  await send(open(), { knownMethods: ['PURGE'] }, { method: 'PURGE' });
  const [other, known] = spans.getFinishedSpans();
  t.equal(other?.name, 'HTTP');
  t.match(other?.attributes, {
    'http.request.method': '_OTHER',
    'http.request.method_original': 'PURGE',
  });
  t.equal(known?.name, 'PURGE');
  t.notOk('http.request.method_original' in known!.attributes);
});

t.test('a status from 400 is an error, without a description', async (t) => {
  for (const [status, code, type] of [
    [302, api.SpanStatusCode.UNSET, undefined],
    [404, api.SpanStatusCode.ERROR, '404'],
    [503, api.SpanStatusCode.ERROR, '503'],
  ] as const) {
    spans.reset();
    await send(open(status));
    const [span] = spans.getFinishedSpans();
    t.equal(span?.status.code, code);
    t.equal(span?.status.message, undefined);
    t.equal(span?.attributes['error.type'], type);
  }
});

t.test('a failure is an error of the type that its code says', async (t) => {
  const request = new Request('GET', URL);
  const timeout = new ReadTimeoutError('silence', { request, remoteAddress: '[::1]:443' });
  t.equal(await rejection(send(new StubTransport(() => timeout))), timeout);
  const [span] = spans.getFinishedSpans();
  t.match(span?.status, {
    code: api.SpanStatusCode.ERROR,
    message: 'GET https://h.test/users/7: silence',
  });
  t.match(span?.attributes, {
    'error.type': 'ERR_READ_TIMEOUT',
    'network.peer.address': '::1',
    'network.peer.port': 443,
  });
  const [point] = (await measured()).dataPoints;
  t.equal(point?.attributes['error.type'], 'ERR_READ_TIMEOUT');
  t.notOk('http.response.status_code' in point!.attributes);
});

t.test(
  'an abort is an error of the name that its reason has, and nothing of it is told',
  async (t) => {
    const inner = new StubTransport();
    for (const [reason, type] of [
      [new DOMException('hunter2', 'AbortError'), 'AbortError'],
      [new RangeError('hunter2'), 'RangeError'],
      ['hunter2', '_OTHER'],
    ] as const) {
      spans.reset();
      inner.send = () => Promise.reject(reason);
      t.equal(await rejection(send(inner)), reason);
      const [span] = spans.getFinishedSpans();
      t.equal(span?.attributes['error.type'], type);
      t.equal(span?.status.message, undefined);
    }
  },
);

t.test('a span ends when the body has ended', async (t) => {
  const layer = new TelemetryMiddleware(open());
  const response = await layer.send(new Request('GET', URL));
  t.equal(spans.getFinishedSpans().length, 0);
  await response.text();
  t.equal(spans.getFinishedSpans().length, 1);
  await response.close();
  t.equal(spans.getFinishedSpans().length, 1, 'once');

  const closed = await layer.send(new Request('GET', URL));
  await closed.close();
  t.equal(spans.getFinishedSpans()[1]?.status.code, api.SpanStatusCode.UNSET, 'closed');

  const inMemory = new StubTransport(() => new Response(200, { text: 'abc' }));
  await new TelemetryMiddleware(inMemory).send(new Request('GET', URL));
  t.equal(spans.getFinishedSpans().length, 3, 'at once, where it is in memory');
});

t.test('a body that breaks is an error', async (t) => {
  const broken = new ReadTimeoutError('silence', { request: new Request('GET', URL) });
  const inner = new StubTransport(() => new Response(200, { body: new StubSource('a', broken) }));
  t.equal(await rejection(send(inner)), broken);
  const [span] = spans.getFinishedSpans();
  t.equal(span?.status.code, api.SpanStatusCode.ERROR);
  t.match(span?.attributes, {
    'http.response.status_code': 200,
    'error.type': 'ERR_READ_TIMEOUT',
  });
});

t.test('until: head, a span ends when the response is there', async (t) => {
  const inner = open();
  const layer = new TelemetryMiddleware(inner, { until: 'head' });
  const response = await layer.send(new Request('GET', URL));
  t.equal(spans.getFinishedSpans().length, 1);
  await response.text();
  t.equal(spans.getFinishedSpans().length, 1);
  t.equal((await measured()).dataPoints[0]?.value.count, 1);
});

t.test('the duration is measured in seconds, in the buckets that are advised', async (t) => {
  await send(open());
  await send(open());
  await send(open(404));
  const { descriptor, dataPoints } = await measured();
  t.match(descriptor, { name: 'http.client.request.duration', unit: 's' });
  const [fine, missing] = dataPoints;
  t.same(fine?.attributes, {
    'http.request.method': 'GET',
    'server.address': 'h.test',
    'server.port': 443,
    'http.response.status_code': 200,
    'network.protocol.version': '1.1',
  });
  t.match(missing?.attributes, { 'http.response.status_code': 404, 'error.type': '404' });
  t.equal(fine?.value.count, 2);
  t.same(
    fine?.value.buckets.boundaries,
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  );
  const { sum = 0 } = fine?.value ?? {};
  t.ok(sum > 0 && sum < 5, `${sum} s`);
});

t.test('the context travels in the headers, in place of what is there', async (t) => {
  const inner = open();
  const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' };
  await send(inner, {}, { headers });
  const [span] = spans.getFinishedSpans();
  const { traceId, spanId } = span!.spanContext();
  t.strictSame(inner.requests[0]?.headers.getAll('traceparent'), [`00-${traceId}-${spanId}-01`]);
});

t.test('propagation: another one, or none', async (t) => {
  const inner = open();
  await send(inner, { propagation: false });
  t.notOk(inner.requests[0]?.headers.has('traceparent'));
  await send(inner, {
    propagation: { inject: (_, carrier, setter) => setter.set(carrier, 'b3', '0') },
  });
  t.equal(inner.requests[1]?.headers.get('b3'), '0');
  t.notOk(inner.requests[1]?.headers.has('traceparent'));
});

t.test('a span is the child of what is active, and is active further in', async (t) => {
  const tracer = tracers.getTracer('test');
  let inside: string | undefined;
  const inner: StubTransport = new StubTransport(async () => {
    await Promise.resolve();
    inside = api.trace.getActiveSpan()?.spanContext().spanId;
    return inner.scoped(200);
  });
  const layer = new TelemetryMiddleware(inner);
  await tracer.startActiveSpan('work', async (work) => {
    const response = await layer.send(new Request('GET', URL));
    t.equal(api.trace.getActiveSpan(), work, 'not outside');
    await response.read();
    work.end();
  });
  const [span, work] = spans.getFinishedSpans();
  t.equal(span?.parentSpanContext?.spanId, work?.spanContext().spanId);
  t.equal(inside, span?.spanContext().spanId);
});

t.test(
  'what is sent again is counted: by retries, and with the outer half by whatever else',
  async (t) => {
    const statuses = [503, 302, 503, 200];
    for (const outer of [false, true]) {
      spans.reset();
      const inner: StubTransport = new StubTransport((_, place) =>
        inner.scoped(statuses[place] as number, { location: '/next' }),
      );
      const layers = new RedirectMiddleware(
        new RetryMiddleware(new TelemetryMiddleware(inner), { backoff: { base: 0 } }),
      );
      const transport = outer ? new CallTelemetryMiddleware(layers) : layers;
      await (await transport.send(new Request('GET', URL))).read();
      t.strictSame(
        spans.getFinishedSpans().map(({ attributes }) => attributes['http.request.resend_count']),
        outer ? [undefined, 1, 2, 3] : [undefined, 1, undefined, 1],
      );
    }
  },
);

t.test('the outer half is not shown', (t) => {
  const stack = new CallTelemetryMiddleware(new TelemetryMiddleware(open()));
  t.equal(stack.toString(), 'TelemetryMiddleware → StubTransport');
  t.end();
});

t.test('per request: telemetry: false', async (t) => {
  const inner = open();
  await send(inner, {}, { telemetry: false });
  t.equal(spans.getFinishedSpans().length, 0);
  t.notOk(inner.requests[0]?.headers.has('traceparent'));
});

t.test('another module, tracer or meter may be given', async (t) => {
  const typed: TelemetryApi = api;
  const scopes: string[] = [];
  await send(open(), {
    api: typed,
    tracer: tracers.getTracer('mine'),
    meter: {
      createHistogram: (name) => ({ record: () => void scopes.push(name) }),
    },
  });
  t.equal(spans.getFinishedSpans()[0]?.instrumentationScope.name, 'mine');
  t.strictSame(scopes, ['http.client.request.duration']);
});

t.test('without the package it is an error that says so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  // This file runs as build/test/middleware/telemetry.test.js.
  const src = fileURLToPath(new globalThis.URL('../../src/', import.meta.url));
  cpSync(src, join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder, 'main.js'),
    `
      import { Request } from './src/messages/request.js';
      import { TelemetryMiddleware } from './src/middleware/telemetry.js';
      const layer = new TelemetryMiddleware({ send() {}, close() {} });
      const error = await layer.send(new Request('GET', 'http://h.test/')).catch((error) => error);
      console.log(error.message, '|', error.cause.code);
    `,
  );
  t.equal(
    execFileSync(process.execPath, [join(folder, 'main.js')], { encoding: 'utf8' }).trim(),
    'GET http://h.test/: telemetry needs the package @opentelemetry/api, and it cannot be loaded | ERR_MODULE_NOT_FOUND',
  );
});

t.test('options that make no sense are a TypeError', async (t) => {
  const bad: [unknown, RegExp][] = [
    [null, /telemetry: expected true or an object of options, got null/],
    [{ api: {} }, /telemetry\.api: expected the module @opentelemetry\/api/],
    [{ tracer: tracers }, /telemetry\.tracer: expected an object with startSpan/],
    [{ meter: null }, /telemetry\.meter: expected an object with createHistogram/],
    [{ propagation: true }, /telemetry\.propagation: expected an object with inject/],
    [{ query: 'page' }, /telemetry\.query: expected a list of names/],
    [{ knownMethods: [1] }, /telemetry\.knownMethods: expected a list of names/],
    [{ until: 'end' }, /telemetry\.until: expected 'body' or 'head', got end/],
  ];
  for (const [options, message] of bad) {
    t.throws(() => new TelemetryMiddleware(open(), options as TelemetryOptions), {
      name: 'TypeError',
      message,
    });
  }
});

t.test('on sockets: what the server is sent is the span that is recorded', async (t) => {
  const received: (string | undefined)[] = [];
  await using server = await okServer((request, response) => {
    received.push(request.headers['traceparent'] as string);
    response.statusCode = request.url === '/missing' ? 404 : 200;
    response.end('x'.repeat(50_000));
  });
  await using pool = new ConnectionPool();
  const layer = new TelemetryMiddleware(pool);
  await layer.request('GET', `${server.url}/`);
  const missing = await layer.request('GET', `${server.url}/missing`);
  t.throws(() => missing.raiseForStatus(), StatusError);
  const finished = spans.getFinishedSpans();
  t.strictSame(
    received.map((each) => each?.split('-')[2]),
    finished.map((span) => span.spanContext().spanId),
  );
  t.match(finished[0]?.attributes, { 'server.address': '127.0.0.1', 'server.port': server.port });
});
