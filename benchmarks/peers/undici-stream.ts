import { Writable } from 'node:stream';
import { check, headersOf, type OpenPeer } from './peer.ts';
import { undiciDispatcher } from './undici-dispatcher.ts';

/** `Pool#stream`: the body goes straight into a Writable, which here keeps it. */
export const open: OpenPeer = ({ origins, connections, headers }) => {
  const dispatcher = undiciDispatcher(origins, connections);
  return {
    async request(call) {
      const { origin, path, method, body = null } = call;
      const chunks: Buffer[] = [];
      const options = { origin, path, method, headers: headersOf(headers, call), body };
      await dispatcher.stream(options, (response) => {
        check(response.statusCode, response.headers['content-type']);
        return new Writable({
          write(chunk: Buffer, _encoding, done) {
            chunks.push(chunk);
            done();
          },
        });
      });
      return Buffer.concat(chunks).length;
    },
    async downloadBorrowed(call) {
      let length = 0;
      const { origin, path, method } = call;
      await dispatcher.stream({ origin, path, method }, () => {
        return new Writable({
          write(chunk: Buffer, _encoding, done) {
            length += chunk.length;
            done();
          },
        });
      });
      return length;
    },
  };
};
