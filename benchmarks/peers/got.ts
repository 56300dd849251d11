import { pipeline } from 'node:stream/promises';
import { got } from 'got';
import { CookieJar } from 'tough-cookie';
import { keepAliveAgents } from './keep-alive-agents.ts';
import { type Call, check, count, type OpenPeer } from './peer.ts';

export const open: OpenPeer = ({ connections, headers, cookies }) => {
  const agents = keepAliveAgents(connections);
  const client = got.extend({
    headers: { ...headers },
    agent: { http: agents.http, https: agents.https },
    ...(cookies && { cookieJar: new CookieJar() }),
  });
  const optionsOf = (call: Call) => ({
    method: call.method,
    ...(call.headers && { headers: { ...call.headers } }),
    ...(call.body !== undefined && { body: call.body }),
  });
  return {
    async request(call) {
      const response = await client(call.url, { ...optionsOf(call), responseType: 'buffer' });
      check(response.statusCode, response.headers['content-type']);
      return response.body.length;
    },
    async json(call) {
      const response = await client<unknown>(call.url, {
        ...optionsOf(call),
        responseType: 'json',
      });
      check(response.statusCode, response.headers['content-type']);
      return response.body;
    },
    download: (call) => count(client.stream(call.url)),
    async upload(call, upload) {
      const stream = client.stream.post(call.url, {
        headers: { 'content-length': String(upload.length) },
      });
      const answer = count(stream);
      await pipeline(upload.chunks(), stream, { end: true });
      return answer;
    },
  };
};
