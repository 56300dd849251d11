import superagent from 'superagent';
import { keepAliveAgents } from './keep-alive-agents.ts';
import { type Call, check, headersOf, type OpenPeer } from './peer.ts';

const { image } = superagent.parse;

/** superagent's own parser of binary types. */
const parseBinary: Parameters<superagent.Request['parse']>[0] = (response, done) =>
  image?.(response, done);

export const open: OpenPeer = ({ connections, headers }) => {
  const agents = keepAliveAgents(connections);
  const start = (call: Call) =>
    superagent(call.method, call.url).agent(agents.of(call.url)).set(headersOf(headers, call));
  return {
    async request(call) {
      const response = await start(call).buffer(true).parse(parseBinary).send(call.body);
      check(response.status, response.headers['content-type']);
      return response.body.length;
    },
    async json(call) {
      const response = await start(call);
      check(response.status, response.headers['content-type']);
      return response.body;
    },
  };
};
