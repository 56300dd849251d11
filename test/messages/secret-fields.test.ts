import t from 'tap';
import { Headers } from '../../src/messages/headers.ts';
import { secretNames, shownHeaders, shownTarget } from '../../src/messages/secret-fields.ts';

t.test('what is called like a credential is one', (t) => {
  const isSecret = secretNames('redact');
  for (const name of [
    'Authorization',
    'proxy-authorization',
    'COOKIE',
    'Set-Cookie',
    'x-api-key',
    'apikey',
    'api_key',
    'X-Auth-Token',
    'x-csrf-token',
    'client_secret',
    'password',
    'X-Amz-Signature',
    'sig',
    'code',
    'session_id',
    'subscription-key',
  ])
    t.ok(isSecret(name), name);
  for (const name of [
    'accept',
    'idempotency-key',
    'page',
    'signed',
    'status-code',
    'www-authenticate',
  ])
    t.notOk(isSecret(name), name);
  t.end();
});

t.test('more names have no case; patterns are as they are, and keep nothing in mind', (t) => {
  const isSecret = secretNames('redact', ['X-Own', /^x-a/g, /^Y/]);
  for (let i = 0; i < 3; i++) t.ok(isSecret('x-own') && isSecret('x-a') && isSecret('X-OWN'));
  t.ok(isSecret('Y'));
  t.notOk(isSecret('y'));
  t.end();
});

t.test('headers: values are hidden, queries of URLs are cut off', (t) => {
  const headers = new Headers({
    Cookie: ['a=1', 'b=2'],
    'X-A': ['1', '2'],
    Location: '//u:p@h.test/x?code=1#y',
    Link: '<https://h.test/a?t=1>; rel=next, <https://u@h.test/b?t=2>; rel=last',
    Refresh: '5; url=/x?t=1',
  });
  t.same(shownHeaders(headers, secretNames('redact')), {
    cookie: 'REDACTED',
    'x-a': '1, 2',
    location: '//h.test/x',
    link: '<https://h.test/a>; rel=next, <https://h.test/b>; rel=last',
    refresh: '5; url=/x',
  });
  t.end();
});

t.test('a target: names stay, values go', (t) => {
  const show = (name: string): boolean => name === 'page' || name === 'a b';
  for (const [target, shown] of [
    ['/x', '/x'],
    ['/x?', '/x?'],
    ['/x?page=1&q=2', '/x?page=1&q=REDACTED'],
    ['/x?q=a=b&&', '/x?q=REDACTED&&'],
    ['/x?secret', '/x?REDACTED'],
    ['/x?page', '/x?page'],
    ['/x?a+b=1&a%20b=2&%zz=3', '/x?a+b=1&a%20b=2&%zz=REDACTED'],
    ['/x?q=1?page=2', '/x?q=REDACTED'],
  ] as const)
    t.equal(shownTarget(target, show), shown);
  t.end();
});
