import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import t from 'tap';
import { collect } from './collect.ts';
import { assertNoLeaks } from './leaks.ts';
import { type Echo, type OkServer, okServer } from './ok-server.ts';

assertNoLeaks(t);

async function post({ url }: OkServer, path: string, body = ''): Promise<string> {
  const request = httpRequest(url + path, { method: 'POST', agent: false }).end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await collect(response)).toString();
}

t.test('echoes, and counts connections', async (t) => {
  await using server = await okServer();
  const echo = JSON.parse(await post(server, '/x', 'hello')) as Echo;
  t.match(echo, { method: 'POST', url: '/x', body: 'hello' });
  t.equal(server.connections, 1);
});

t.test('listens on IPv6', async (t) => {
  await using server = await okServer(undefined, { host: '::1' });
  t.match(server.url, /^http:\/\/\[::1\]:\d+$/);
  t.match(await post(server, '/'), '"POST"');
});

t.test('answers by its handler, and 500 with the reason if that fails', async (t) => {
  await using server = await okServer(({ url }, response) => {
    if (url === '/boom') throw new Error('Boom');
    response.write('fine');
    if (url !== '/late') return response.end();
    return Promise.reject('too late');
  });
  t.equal(await post(server, '/'), 'fine');
  t.match(await post(server, '/boom'), /^Error: Boom/);
  t.equal(await post(server, '/late'), 'finetoo late');
});
