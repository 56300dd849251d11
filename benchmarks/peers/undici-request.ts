import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type Call, check, count, headersOf, type Layers, type OpenPeer } from './peer.ts';
import { undiciDispatcher } from './undici-dispatcher.ts';
import { Unsupported } from './unsupported.ts';

/** undici's fast form, and the reference of every ratio: `Pool#request` and `body.bytes()`. */
export const open: OpenPeer = ({ origins, connections, headers, layers }) => {
  const dispatcher = withLayers(undiciDispatcher(origins, connections), layers);
  const send = (call: Call, body?: Dispatcher.RequestOptions['body'], length?: number) =>
    dispatcher.request({
      origin: call.origin,
      path: call.path,
      method: call.method,
      headers:
        length === undefined
          ? headersOf(headers, call)
          : { ...headers, 'content-length': String(length) },
      body: body ?? call.body ?? null,
    });
  return {
    async request(call) {
      const response = await send(call);
      check(response.statusCode, response.headers['content-type']);
      return (await response.body.bytes()).length;
    },
    respond: (call) => send(call),
    async download(call) {
      return count((await send(call)).body);
    },
    async upload(call, upload) {
      const response = await send(call, Readable.from(upload.chunks()), upload.length);
      return (await response.body.bytes()).length;
    },
  };
};

/** What undici has for layers: interceptors, which return whether to hold back, not a promise. */
function withLayers(dispatcher: Dispatcher, layers: Layers | undefined): Dispatcher {
  if (layers === undefined) return dispatcher;
  if (layers.kind === 'async') throw new Unsupported('an interceptor cannot be async');
  const interceptor: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
    dispatch(options, handler);
  return dispatcher.compose(Array.from({ length: layers.count }, () => interceptor));
}
