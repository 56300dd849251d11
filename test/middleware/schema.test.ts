import { type } from 'arktype';
import { expectTypeOf } from 'expect-type';
import { inspect } from 'node:util';
import t from 'tap';
import * as v from 'valibot';
import { z } from 'zod';
import { DecodingError, HTTPError, isHTTPError, isRequestError } from '../../src/errors.ts';
import { Request, type RequestInit } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import {
  SchemaError,
  validated,
  type SchemaIssue,
  type StandardSchema,
} from '../../src/messages/standard-schema.ts';
import { SchemaMiddleware } from '../../src/middleware/schema.ts';
import { deferred } from '../support/deferred.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

assertNoLeaks(t);

const URL = 'http://h.test/users/7?key=secret';
const request = new Request('GET', URL);
const answer = (json: unknown): Response => new Response(200, { json, request });

const SCHEMAS = {
  zod: z.object({ id: z.number(), tags: z.array(z.string()) }),
  valibot: v.object({ id: v.number(), tags: v.array(v.string()) }),
  arktype: type({ id: 'number', tags: 'string[]' }),
};

t.test(
  'a value that is as it should be comes out, with the type that the schema has',
  async (t) => {
    const value = { id: 7, tags: ['a'] };
    const outputs = await Promise.all([
      validated(answer(value), value, SCHEMAS.zod),
      validated(answer(value), value, SCHEMAS.valibot),
      validated(answer(value), value, SCHEMAS.arktype),
    ]);
    expectTypeOf(outputs[0]).toEqualTypeOf<{ id: number; tags: string[] }>();
    expectTypeOf(outputs[1]).toEqualTypeOf<{ id: number; tags: string[] }>();
    expectTypeOf(outputs[2]).toEqualTypeOf<{ id: number; tags: string[] }>();
    for (const output of outputs) t.same(output, value);
  },
);

t.test('the output is what the schema makes of it, not what came', async (t) => {
  const output = await validated(
    answer({}),
    { at: '2026-11-21' },
    z.object({ at: z.string().transform((text) => new Date(text)) }),
  );
  expectTypeOf(output).toEqualTypeOf<{ at: Date }>();
  t.equal(output.at.getUTCFullYear(), 2026);
});

t.test('a value that is not is a SchemaError that says where', async (t) => {
  const value = { id: 'hunter2', tags: ['a', 3] };
  for (const [library, schema] of Object.entries(SCHEMAS)) {
    const response = answer(value);
    const error = await rejection(
      validated<unknown>(response, value, schema as StandardSchema),
      SchemaError,
    );
    t.equal(error.code, 'ERR_SCHEMA', library);
    t.equal(error.name, 'SchemaError');
    t.ok(isHTTPError(error) && isRequestError(error));
    t.equal(
      error.message,
      'GET http://h.test/users/7: the JSON is not what the schema says: status 200, 2 issues at id, tags[1]',
    );
    t.equal(error.response, response);
    t.equal(error.issues.length, 2);
    t.notMatch(inspect(error) + JSON.stringify(error), /hunter2/, 'no value is printed');
  }
});

t.test('the message is bounded, and quotes keys that are no names', async (t) => {
  const of = async (...issues: SchemaIssue[]): Promise<string> => {
    const schema: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) },
    };
    return (await rejection(validated(answer(1), 1, schema), SchemaError)).message
      .split('status 200, ')
      .at(-1)!;
  };
  const message = 'hunter2';
  t.equal(await of({ message }), '1 issue at (top)');
  t.equal(await of({ message, path: [] }), '1 issue at (top)');
  t.equal(await of({ message, path: [0, 'a b', { key: 'c' }] }), '1 issue at [0]["a b"].c');
  t.equal(await of({ message, path: [Symbol('s')] }), '1 issue at [Symbol(s)]');
  const many = Array.from({ length: 1000 }, (_, at) => ({ message, path: [at] }));
  t.equal(await of(...many), '1000 issues at [0], [1], [2], …');
  const long = await of({ message, path: Array.from({ length: 1000 }, () => 'abcdefghij') });
  t.ok(long.length < 100, long);
});

t.test('a validator may take its time', async (t) => {
  const schema = z.object({ id: z.number().refine(async (id) => id < 10) });
  t.same(await validated(answer(1), { id: 7 }, schema), { id: 7 });
  const error = await rejection(validated(answer(1), { id: 70 }, schema), SchemaError);
  t.match(error.message, /1 issue at id/);
});

t.test('a response without a request has no request to be named', async (t) => {
  const error = await rejection(
    validated(new Response(200, { json: 1 }), 1, z.string()),
    HTTPError,
  );
  t.equal(error.message, 'the JSON is not what the schema says: status 200, 1 issue at (top)');
  t.equal((error.cause as SchemaIssue[]).length, 1);
});

t.test('what is no schema is a TypeError', async (t) => {
  for (const schema of [null, 7, {}, { '~standard': { version: 2, validate() {} } }]) {
    const error = await rejection(validated(answer(1), 1, schema as never), TypeError);
    t.match(error.message, /^schema: expected a schema of Standard Schema version 1/);
  }
});

// ── the layer ───────────────────────────────────────────────────────────────────────────────────

function send(inner: StubTransport, init: RequestInit, method = 'GET'): Promise<Response> {
  return new SchemaMiddleware(inner).send(new Request(method, URL, init));
}

const schema = SCHEMAS.zod;

t.test('without a schema a request goes through as it is', async (t) => {
  const inner = new StubTransport();
  const layer = new SchemaMiddleware(inner);
  await layer.send(request);
  t.equal(inner.requests[0], request);
  t.equal(layer.toString(), 'StubTransport', 'it is not shown');
  await layer.send(request.with({ schema: null }));
});

t.test('a 2xx is held against the schema before the call resolves', async (t) => {
  const good: StubTransport = new StubTransport(() =>
    good.scoped(200, {}, '{"id":7,', '"tags":[]}'),
  );
  const response = await send(good, { schema });
  t.same(response.extensions.validated, { id: 7, tags: [] });
  t.ok(response.isRead);
  t.same(await response.json(), { id: 7, tags: [] });

  const bad: StubTransport = new StubTransport(() => bad.scoped(201, {}, '{"id":"7"}'));
  const error = await rejection(send(bad, { schema }), SchemaError);
  t.match(error.message, /status 201, 2 issues at id, tags/);
  t.same(await error.response.json(), { id: '7' });
});

t.test('a body that is no JSON is a DecodingError', async () => {
  const inner: StubTransport = new StubTransport(() => inner.scoped(200, {}, '<html>'));
  await rejection(send(inner, { schema }), DecodingError);
});

t.test('what has no body, or is no 2xx, is left alone', async (t) => {
  for (const status of [204, 205, 301, 404, 500]) {
    const inner: StubTransport = new StubTransport(() => inner.scoped(status));
    const response = await send(inner, { schema });
    t.equal(response.status, status);
    t.notOk(response.isRead);
    await response.close();
  }
  t.equal((await send(new StubTransport(), { schema }, 'HEAD')).status, 200);
});

t.test('an abort ends the wait for a validator with its reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const started = deferred();
  const never: StandardSchema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => {
        started.resolve();
        return new Promise(() => {});
      },
    },
  };
  const inner: StubTransport = new StubTransport(() => inner.scoped(200, {}, '{}'));
  const sending = send(inner, { schema: never, signal: controller.signal });
  await started.promise;
  controller.abort(reason);
  t.equal(await rejection(sending), reason);
});

t.test('what is no schema is refused before anything is sent', async (t) => {
  const inner = new StubTransport();
  await rejection(send(inner, { schema: {} as never }), TypeError);
  t.equal(inner.requests.length, 0);
});

t.test('response.json(schema) has what the schema makes of the body, and its type', async (t) => {
  const response = new Response(200, {
    json: { id: 7 },
    request: new Request('GET', 'http://h/'),
  });
  const ofZod = response.json(z.object({ id: z.coerce.string() }));
  expectTypeOf(ofZod).resolves.toEqualTypeOf<{ id: string }>();
  t.strictSame(await ofZod, { id: '7' });
  const ofValibot = response.json(v.object({ id: v.number() }));
  expectTypeOf(ofValibot).resolves.toEqualTypeOf<{ id: number }>();
  t.strictSame(await ofValibot, { id: 7 });
  expectTypeOf(response.json<{ id: number }>()).resolves.toEqualTypeOf<{ id: number }>();
  t.ok((await rejection(response.json(type({ id: 'string' })))) instanceof SchemaError);
});
