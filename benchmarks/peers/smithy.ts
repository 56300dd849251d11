import { Readable } from 'node:stream';
import { NodeHttpHandler, streamCollector } from '@smithy/node-http-handler';
import { keepAliveAgents } from './keep-alive-agents.ts';
import { type Call, check, count, headersOf, type OpenPeer } from './peer.ts';

type SmithyRequest = Parameters<NodeHttpHandler['handle']>[0];

/** The handler under the AWS SDK. */
export const open: OpenPeer = ({ connections, headers }) => {
  const agents = keepAliveAgents(connections);
  const handler = new NodeHttpHandler({ httpAgent: agents.http, httpsAgent: agents.https });
  const send = async (call: Call, body?: Readable, more?: Record<string, string>) => {
    const { protocol, hostname, port } = new URL(call.origin);
    const fields = { ...headersOf(headers, call), ...more };
    if (call.body !== undefined) fields['content-length'] = String(Buffer.byteLength(call.body));
    const request: Omit<SmithyRequest, 'clone'> = {
      protocol,
      hostname,
      port: Number(port),
      path: call.path,
      method: call.method,
      query: {},
      headers: fields,
      body: body ?? call.body,
    };
    const { response } = await handler.handle(request as SmithyRequest);
    check(response.statusCode, response.headers['content-type']);
    return response.body as Readable;
  };
  return {
    request: async (call) => (await streamCollector(await send(call))).length,
    download: async (call) => count(await send(call)),
    async upload(call, upload) {
      const length = { 'content-length': String(upload.length) };
      return count(await send(call, Readable.from(upload.chunks()), length));
    },
  };
};
