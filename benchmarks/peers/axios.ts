import { Readable } from 'node:stream';
import axios from 'axios';
import { keepAliveAgents } from './keep-alive-agents.ts';
import { type Call, check, count, type OpenPeer } from './peer.ts';

export const open: OpenPeer = ({ connections, headers }) => {
  const agents = keepAliveAgents(connections);
  const client = axios.create({
    headers: { ...headers },
    httpAgent: agents.http,
    httpsAgent: agents.https,
    maxBodyLength: Number.POSITIVE_INFINITY,
  });
  const send = <T>(call: Call, responseType: 'arraybuffer' | 'json' | 'stream') =>
    client.request<T>({
      url: call.url,
      method: call.method,
      responseType,
      ...(call.headers && { headers: { ...call.headers } }),
      ...(call.body !== undefined && { data: call.body }),
    });
  return {
    async request(call) {
      const response = await send<Buffer>(call, 'arraybuffer');
      check(response.status, response.headers['content-type']);
      return response.data.length;
    },
    async json(call) {
      const response = await send<unknown>(call, 'json');
      check(response.status, response.headers['content-type']);
      return response.data;
    },
    async download(call) {
      return count((await send<Readable>(call, 'stream')).data);
    },
    async upload(call, upload) {
      const response = await client.request<string>({
        url: call.url,
        method: 'POST',
        data: Readable.from(upload.chunks()),
        headers: { 'content-length': String(upload.length) },
        responseType: 'text',
        transformResponse: [],
        maxRedirects: 0, // or follow-redirects keeps the whole body to repeat it
      });
      return response.data.length;
    },
  };
};
