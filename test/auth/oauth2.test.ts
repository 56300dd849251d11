import { inspect } from 'node:util';
import t from 'tap';
import { AuthError } from '../../src/auth/failure.ts';
import { OAuth2, type OAuth2Options } from '../../src/auth/oauth2.ts';
import type { OAuth2Token } from '../../src/auth/tokens.ts';
import { ConnectError, isRequestError } from '../../src/errors.ts';
import type { Request } from '../../src/messages/request.ts';
import { Response } from '../../src/messages/response.ts';
import { AuthMiddleware } from '../../src/middleware/auth.ts';
import { turn } from '../support/clock.ts';
import { rejection } from '../support/rejection.ts';
import { StubTransport } from '../support/stub-transport.ts';

const TOKEN_URL = 'https://id.test/token';
const OPTIONS = { tokenUrl: TOKEN_URL, clientId: 'me', clientSecret: 's3cret&' } as const;

const isToken = ({ origin }: Request): boolean => origin === 'https://id.test';
const formOf = (request: Request | undefined): Record<string, string> =>
  Object.fromEntries(
    new URLSearchParams(new TextDecoder().decode(request?.content?.bytes?.() ?? new Uint8Array())),
  );

/** An endpoint that gives `t1`, `t2` …, and an API that takes those it is told to. */
function service(
  options: {
    token?: (n: number, request: Request) => Response | Error | Promise<Response | Error>;
    takes?: (token: string) => boolean;
  } = {},
) {
  let given = 0;
  const server = new StubTransport((request) => {
    if (isToken(request)) {
      given++;
      return (
        options.token?.(given, request) ??
        new Response(200, {
          json: { access_token: `t${given}`, token_type: 'Bearer', expires_in: 3600 },
        })
      );
    }
    const token = (request.headers.get('authorization') ?? '').replace('Bearer ', '');
    return new Response((options.takes?.(token) ?? true) ? 200 : 401, { text: token });
  });
  const asked = (): Request[] => server.requests.filter(isToken);
  const transport = (more: Partial<OAuth2Options> = {}): AuthMiddleware =>
    new AuthMiddleware(server, new OAuth2({ ...OPTIONS, ...more }));
  return { server, asked, transport };
}

t.test('a token is asked for once, and kept', async (t) => {
  const { asked, transport } = service();
  const api = transport({ scope: 'read write', params: { audience: 'x' } });
  for (let call = 0; call < 3; call++) {
    t.equal(await (await api.request('GET', 'https://api.test/')).text(), 't1');
  }
  t.equal(asked().length, 1);
  t.strictSame(formOf(asked()[0]), {
    grant_type: 'client_credentials',
    scope: 'read write',
    audience: 'x',
  });
  t.equal(asked()[0]?.headers.get('authorization'), `Basic ${btoa('me:s3cret%26')}`);
});

t.test('id and secret go into the form where the server wants them there', async (t) => {
  const { asked, transport } = service();
  await transport({ clientAuthentication: 'body' }).request('GET', 'https://api.test/');
  t.equal(asked()[0]?.headers.has('authorization'), false);
  t.match(formOf(asked()[0]), { client_id: 'me', client_secret: 's3cret&' });
});

t.test('however many calls there are, one asks and the others wait', async (t) => {
  const { asked, transport } = service({
    token: async () => {
      await turn();
      return new Response(200, { json: { access_token: 'shared' } });
    },
  });
  const api = transport();
  const calls = Array.from({ length: 50 }, () => api.request('GET', 'https://api.test/'));
  for (const response of await Promise.all(calls)) t.equal(await response.text(), 'shared');
  t.equal(asked().length, 1);
});

t.test('a 401 makes it get one other token, for all who had the old one', async (t) => {
  const { asked, transport } = service({ takes: (token) => token !== 't1' });
  const api = transport();
  const calls = Array.from({ length: 10 }, () =>
    api.request('POST', 'https://api.test/', { json: 1 }),
  );
  for (const response of await Promise.all(calls)) t.equal(await response.text(), 't2');
  t.equal(asked().length, 2);
});

t.test('a second 401 is the answer', async (t) => {
  const { asked, transport } = service({ takes: () => false });
  t.equal((await transport().request('GET', 'https://api.test/')).status, 401);
  t.equal(asked().length, 2);
});

t.test(
  'a body that is spent is not sent again: the 401 is the answer, and the next call has the new token',
  async (t) => {
    const { transport } = service({ takes: (token) => token !== 't1' });
    const api = transport();
    async function* once(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
    }
    t.equal((await api.request('POST', 'https://api.test/', { body: once() })).status, 401);
    t.equal((await api.request('POST', 'https://api.test/', { body: once() })).status, 200);
  },
);

t.test('a token is not used any more shortly before it ends', async (t) => {
  const token = (seconds: number) => (n: number) =>
    new Response(200, { json: { access_token: `t${n}`, expires_in: seconds } });
  const short = service({ token: token(0) });
  const api = short.transport();
  t.equal(
    await (await api.request('GET', 'https://api.test/')).text(),
    't1',
    'whoever waited has it',
  );
  t.equal(await (await api.request('GET', 'https://api.test/')).text(), 't2');
  const long = service({ token: token(20) });
  const other = long.transport({ expiryMargin: 60_000 });
  await other.request('GET', 'https://api.test/');
  await other.request('GET', 'https://api.test/');
  t.equal(long.asked().length, 1, 'the margin is at most half of its life');
});

t.test('a refresh token is used, and replaced by the one that comes', async (t) => {
  const kept: OAuth2Token[] = [];
  const { asked, transport } = service({
    takes: (token) => token === 't2',
    token: (n) => new Response(200, { json: { access_token: `t${n}`, refresh_token: `r${n}` } }),
  });
  const api = transport({
    refreshToken: 'r0',
    accessToken: 'old',
    expiresAt: Date.now() - 1,
    onToken: (token) => void kept.push(token),
  });
  t.equal((await api.request('GET', 'https://api.test/')).status, 200);
  t.strictSame(
    asked().map((request) => formOf(request)['refresh_token']),
    ['r0', 'r1'],
  );
  t.strictSame(
    kept.map(({ accessToken, refreshToken }) => [accessToken, refreshToken]),
    [
      ['t1', 'r1'],
      ['t2', 'r2'],
    ],
  );
});

t.test('a token that is there already is used first', async (t) => {
  const { asked, transport } = service();
  const api = transport({ accessToken: 'mine' });
  t.equal(await (await api.request('GET', 'https://api.test/')).text(), 'mine');
  t.equal(asked().length, 0);
});

const FAILURES: readonly [
  why: string,
  answer: () => Response | Error,
  message: RegExp,
  reason: string | null,
][] = [
  [
    'a refusal',
    () =>
      new Response(401, { json: { error: 'invalid_client', error_description: 'not s3cret&' } }),
    /the token endpoint answered 401 invalid_client$/,
    'invalid_client',
  ],
  [
    'a refusal in free text',
    () => new Response(400, { text: 'no s3cret&' }),
    /answered 400$/,
    null,
  ],
  [
    'a reason that is none',
    () => new Response(400, { json: { error: 's3cret& is wrong' } }),
    /answered 400$/,
    null,
  ],
  [
    'a redirect',
    () => new Response(307, { headers: { location: 'https://evil.test/' } }),
    /answered 307$/,
    null,
  ],
  ['no JSON', () => new Response(200, { text: 's3cret&' }), /without a JSON object$/, null],
  ['no token', () => new Response(200, { json: {} }), /no access_token/, null],
  [
    'a token that would split the header',
    () => new Response(200, { json: { access_token: 'a\r\nb' } }),
    /no access_token/,
    null,
  ],
  [
    'another type',
    () => new Response(200, { json: { access_token: 'a', token_type: 'mac' } }),
    /other than Bearer/,
    null,
  ],
  [
    'no end',
    () => new Response(200, { text: ' '.repeat(1024 * 1024 + 1) }),
    /without a JSON object$/,
    null,
  ],
];

for (const [why, answer, message, reason] of FAILURES) {
  t.test(`the token endpoint fails: ${why}`, async (t) => {
    const { server, transport } = service({ token: answer });
    const api = transport();
    const calls = [1, 2, 3].map(() =>
      rejection(api.request('GET', 'https://api.test/'), AuthError),
    );
    const errors = await Promise.all(calls);
    t.match(errors[0]?.message, message);
    for (const error of errors) {
      t.equal(error.reason, reason);
      t.equal(error.code, 'ERR_AUTH');
      t.ok(isRequestError(error));
      t.notMatch(
        `${error.message} ${inspect(error, { depth: 9 })} ${JSON.stringify(error)}`,
        /s3cret/,
      );
    }
    t.strictSame(
      server.log,
      [`POST ${TOKEN_URL}`],
      'asked once for all, and nothing else was sent',
    );
  });
}

t.test('a token request carries what bounds the call, and is not redirected', async (t) => {
  const { asked, transport } = service();
  const { signal } = new AbortController();
  await transport().request('GET', 'https://api.test/', { signal, timeout: 1234, expiresAt: 9e9 });
  const [request] = asked();
  t.equal(request?.signal, signal);
  t.equal(request?.timeout, 1234);
  t.match(request?.extensions, { expiresAt: 9e9, redirect: false, auth: null });
});

t.test('a network failure is the failure of the call', async (t) => {
  const { transport } = service({
    token: (_, request) => new ConnectError('refused', { request }),
  });
  const api = transport();
  const first = api.request('GET', 'https://api.test/');
  const second = rejection(api.request('GET', 'https://api.test/'), AuthError);
  await rejection(first, ConnectError);
  t.type((await second).cause, ConnectError);
});

t.test('when the one who asks is aborted, the next asks', async (t) => {
  const aborted = new AbortController();
  const { asked, transport } = service({
    token: async (n, { signal }) => {
      if (n > 1) return new Response(200, { json: { access_token: `t${n}` } });
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      });
    },
  });
  const api = transport();
  const first = rejection(api.request('GET', 'https://api.test/', { signal: aborted.signal }));
  const second = api.request('GET', 'https://api.test/');
  await turn();
  const reason = new Error('enough');
  aborted.abort(reason);
  t.equal(await first, reason);
  t.equal(await (await second).text(), 't2');
  t.equal(asked().length, 2);
});

t.test('one who waits is aborted at once', async (t) => {
  let answer: (response: Response) => void = () => {};
  const { transport } = service({ token: () => new Promise((resolve) => (answer = resolve)) });
  const api = transport();
  const first = api.request('GET', 'https://api.test/');
  const waiting = new AbortController();
  const second = rejection(api.request('GET', 'https://api.test/', { signal: waiting.signal }));
  await turn();
  waiting.abort('enough');
  t.equal(await second, 'enough');
  answer(new Response(200, { json: { access_token: 'x' } }));
  t.equal(await (await first).text(), 'x');
});

t.test('options are checked, and nothing of them is shown', async (t) => {
  t.equal(inspect(new OAuth2(OPTIONS)), '<OAuth2>');
  for (const [options, message] of [
    [{ ...OPTIONS, clientId: '' }, /clientId: expected a string/],
    [{ ...OPTIONS, clientSecret: undefined }, /a clientSecret or a refreshToken/],
    [{ ...OPTIONS, clientSecret: 7 }, /clientSecret: expected a string, got number/],
    [{ ...OPTIONS, expiryMargin: -1 }, /expiryMargin/],
    [{ ...OPTIONS, clientAuthentication: 'header' }, /clientAuthentication/],
    [{ ...OPTIONS, accessToken: 'a b' }, /accessToken/],
    [{ ...OPTIONS, accessToken: 'a', expiresAt: 'soon' }, /^OAuth2: expiresAt: expected milli/],
    [{ ...OPTIONS, scope: ['read'] }, /^OAuth2: scope: expected a string, got object$/],
    [{ ...OPTIONS, params: 'a=b' }, /^OAuth2: params: expected a record of strings$/],
    [{ ...OPTIONS, params: [['a', 'b']] }, /^OAuth2: params: expected a record of strings$/],
    [{ ...OPTIONS, params: { a: 7 } }, /^OAuth2: params\.a: expected a string, got number$/],
    [{ ...OPTIONS, onToken: 'keep' }, /^OAuth2: onToken: expected a function, got string$/],
    [{ ...OPTIONS, scopes: 'read' }, /^OAuth2: there is no option "scopes"; did you mean scope\?$/],
    [undefined, /^OAuth2: expected an object of options, got undefined$/],
  ] as unknown as [OAuth2Options, RegExp][]) {
    t.throws(() => new OAuth2(options), { name: 'TypeError', message });
  }
  t.throws(() => new OAuth2({ ...OPTIONS, tokenUrl: '/token' }), { code: 'ERR_INVALID_URL' });
});
