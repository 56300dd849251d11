import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { keepAliveAgents } from './keep-alive-agents.ts';
import { type Call, check, count, headersOf, type OpenPeer } from './peer.ts';

/** node:http as people use it: a keep-alive agent, 'data' events, one concat. */
export const open: OpenPeer = ({ connections, headers }) => {
  const agents = keepAliveAgents(connections);
  const start = (call: Call, more?: Record<string, string>): http.ClientRequest => {
    const secure = call.url.startsWith('https:');
    return (secure ? https : http).request(call.url, {
      method: call.method,
      agent: agents.of(call.url),
      headers: { ...headersOf(headers, call), ...more },
    });
  };
  return {
    request: (call) =>
      new Promise((resolve, reject) => {
        const request = start(call);
        request.on('error', reject);
        request.on('response', (response) => {
          check(response.statusCode, response.headers['content-type']);
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => resolve(Buffer.concat(chunks).length));
        });
        request.end(call.body);
      }),
    respond(call) {
      const request = start(call);
      const response = responseOf(request);
      request.end();
      return response;
    },
    async download(call) {
      const request = start(call);
      const response = responseOf(request);
      request.end();
      return count(await response);
    },
    async upload(call, upload) {
      const request = start(call, { 'content-length': String(upload.length) });
      const response = responseOf(request);
      await pipeline(upload.chunks(), request);
      return count(await response);
    },
  };
};

function responseOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
}
