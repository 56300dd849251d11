import type { Dispatcher } from 'undici';
import { type Call, check, headersOf, type OpenPeer } from './peer.ts';
import { undiciDispatcher } from './undici-dispatcher.ts';

/** undici's callbacks, with as little on top as makes a promise of bytes of them. */
export const open: OpenPeer = ({ origins, connections, headers }) => {
  const dispatcher = undiciDispatcher(origins, connections);
  const send = (call: Call, makeHandler: MakeHandler) =>
    new Promise<number>((resolve, reject) => {
      const { origin, path, method, body = null } = call;
      const options = { origin, path, method, headers: headersOf(headers, call), body };
      dispatcher.dispatch(options, makeHandler(resolve, reject));
    });
  return {
    request: (call) => send(call, (resolve, reject) => new BytesHandler(resolve, reject)),
    downloadBorrowed: (call) => send(call, (resolve, reject) => new CountHandler(resolve, reject)),
  };
};

type MakeHandler = (
  resolve: (length: number) => void,
  reject: (error: Error) => void,
) => Dispatcher.DispatchHandler;

abstract class Handler implements Dispatcher.DispatchHandler {
  protected readonly resolve: (length: number) => void;
  readonly #reject: (error: Error) => void;

  constructor(resolve: (length: number) => void, reject: (error: Error) => void) {
    this.resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    check(status, headers['content-type']);
  }

  abstract onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void;

  abstract onResponseEnd(): void;

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

class BytesHandler extends Handler {
  readonly #chunks: Buffer[] = [];

  override onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  override onResponseEnd(): void {
    const [first = Buffer.alloc(0)] = this.#chunks;
    const bytes = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : first;
    this.resolve(bytes.length);
  }
}

class CountHandler extends Handler {
  #length = 0;

  override onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#length += chunk.length;
  }

  override onResponseEnd(): void {
    this.resolve(this.#length);
  }
}
