import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { after, arrival } from './clock.ts';
import { Condition } from './condition.ts';
import { ReceivedRequest } from './received-request.ts';
import { RequestReader } from './request-reader.ts';

/** Text stands for its latin1 bytes. */
export type Bytes = string | Uint8Array;

export interface SendOptions {
  /**
   * How the bytes are cut into writes that arrive one by one: every N bytes, or the sizes of the
   * first pieces, the rest in one. Default: one write.
   */
  readonly split?: number | readonly number[];
}

/** Ends a script whose connection is gone. That is no failure: clients may close. */
export class WireClosed extends Error {
  override readonly name = 'WireClosed';
}

// Any connection may resume the TLS session of another, though each has a TLS server of its own.
const ticketKeys = randomBytes(48);

/**
 * The server's end of one connection, and all that a script can do with it. What comes in is read
 * ahead and logged at once, whatever the script is waiting for.
 *
 * A wire speaks HTTP or is bare. It starts bare, and a CONNECT or an Upgrade makes it bare again,
 * since nobody knows what follows those, until `http()`, `head()` or `startTLS()` says it.
 */
export class Wire {
  /** Connections are numbered from 1. */
  readonly number: number;
  /** Every request on this connection, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** All that came, in the pieces in which it was read (over TLS: decrypted). */
  readonly segments: Buffer[] = [];

  #socket: Socket;
  readonly #tcp: Socket;
  readonly #tls: TlsOptions | undefined;
  readonly #log: (request: ReceivedRequest) => void;
  readonly #changed = new Condition();
  #reader = new RequestReader();
  #mode: 'bare' | 'http' = 'bare';
  /** What `received()` has not gone past. */
  #unseen: Buffer[] = [];
  /** How many requests were handed out by `head()`. */
  #taken = 0;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #finSent = false;
  #fault: Error | undefined;

  constructor(
    tcp: Socket,
    number: number,
    tls: TlsOptions | undefined,
    log: (request: ReceivedRequest) => void,
  ) {
    this.number = number;
    this.#tcp = tcp;
    this.#socket = tcp;
    this.#tls = tls;
    this.#log = log;
    tcp.setNoDelay(true);
    tcp.on('error', () => {}); // a reset by the client; 'close' follows and says all we need
    tcp.on('close', () => this.#closed());
    tcp.on('data', this.#hear);
  }

  /** The socket in use: once TLS has started, a TLSSocket. */
  get socket(): Socket {
    return this.#socket;
  }

  /** Ending: this side has sent its FIN, or closes. */
  get state(): 'open' | 'ending' | 'closed' {
    return this.#state;
  }

  /** From here on what comes is HTTP. */
  http(): void {
    if (this.#mode === 'http') return;
    this.#mode = 'http';
    this.#parse(this.#glimpse());
  }

  /** The next request, once its head has come. */
  async head(): Promise<ReceivedRequest> {
    if (this.#taken === this.requests.length) this.http();
    const request = await this.#until(() => this.requests[this.#taken]);
    this.#taken += 1;
    return request;
  }

  /** Waits for `size` bytes of the body of the request taken last, or for all of it. */
  async body(size = Number.POSITIVE_INFINITY): Promise<void> {
    const request = this.requests[this.#taken - 1];
    if (request === undefined) throw new Error('body() comes after head()');
    await this.#until(() => request.isWhole || request.bodySize >= size || undefined);
  }

  /** The next request, once all of it has come. */
  async request(): Promise<ReceivedRequest> {
    const request = await this.head();
    await this.body();
    return request;
  }

  /**
   * Waits until the client has sent so many bytes, or this text, and goes past them; resolves to
   * all up to there. It reads beside the HTTP parser, and takes nothing from it.
   */
  received(what: number | string): Promise<Buffer> {
    return this.#until(() => {
      const unseen = this.#glimpse();
      const at = typeof what === 'number' ? 0 : unseen.indexOf(what, 0, 'latin1');
      const end = at + (typeof what === 'number' ? what : what.length);
      if (at < 0 || unseen.length < end) return undefined;
      this.#unseen = [unseen.subarray(end)];
      return unseen.subarray(0, end);
    });
  }

  /** Writes the bytes, and waits until the client has had a chance to read each piece. */
  async send(bytes: Bytes, { split }: SendOptions = {}): Promise<void> {
    for (const piece of pieces(asBuffer(bytes), split)) {
      if (this.#finSent) throw new Error('send() after fin()');
      await new Promise((written) => this.#socket.write(piece, written));
      await arrival();
      if (this.#state === 'closed') throw new WireClosed();
    }
  }

  async delay(ms: number): Promise<void> {
    let over = false;
    const cancel = after(ms, () => {
      over = true;
      this.#changed.changed();
    });
    await this.#until(() => over || undefined).finally(cancel);
  }

  /** Waits for something outside of the connection. */
  async until(event: PromiseLike<unknown>): Promise<void> {
    let happened = false;
    const settled = Promise.resolve(event).then(() => {
      happened = true;
      this.#changed.changed();
    });
    await Promise.race([settled, this.#until(() => happened || undefined)]);
  }

  /** Does nothing more; the client has to close. */
  hang(): Promise<never> {
    return this.#until<never>(() => undefined);
  }

  /** Leaves what the client sends in the kernel. A close by the client then goes unseen, too. */
  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Half-closes: no more bytes from here, though the client's are still read. */
  async fin(): Promise<void> {
    this.#ending();
    this.#finSent = true;
    await new Promise<void>((resolve) => this.#socket.end(resolve));
    await arrival();
  }

  /** Closes with a TCP reset. */
  reset(): void {
    this.#ending();
    // a Unix socket knows no reset
    if (this.#tcp.remoteAddress === undefined) this.#tcp.destroy();
    else this.#tcp.resetAndDestroy();
  }

  /** Closes both directions at once; over TLS without a close_notify, that is: truncated. */
  close(): void {
    this.#ending();
    this.#tcp.destroy();
  }

  /** Takes part in a TLS handshake as the server; by default with the server's own options. */
  async startTLS(options = this.#tls): Promise<void> {
    if (options === undefined) throw new Error('startTLS() needs TLS options');
    if (this.#mode === 'http') throw new Error('startTLS() needs a bare connection');
    const early = this.#glimpse();
    this.#unseen = [];
    this.#reader = new RequestReader();
    // TLS itself, where this is a tunnel through a proxy that is spoken to by TLS.
    const under = this.#socket;
    under.off('data', this.#hear);
    under.pause();
    under.unshift(early);
    const tlsServer = createServer({ ticketKeys, ...options });
    let secured: TLSSocket | undefined;
    tlsServer.once('secureConnection', (socket: TLSSocket) => {
      secured = socket;
      this.#socket = socket.on('data', this.#hear).on('error', () => {});
      this.#changed.changed();
    });
    tlsServer.once('tlsClientError', (error) => {
      this.#fault = new WireClosed('the TLS handshake failed', { cause: error });
      this.#changed.changed();
    });
    tlsServer.emit('connection', under);
    await this.#until(() => secured);
  }

  readonly #hear = (bytes: Buffer): void => {
    this.segments.push(bytes);
    this.#unseen.push(bytes);
    if (this.#mode === 'http') this.#parse(bytes);
    this.#changed.changed();
  };

  #parse(bytes: Buffer): void {
    try {
      for (const event of this.#reader.feed(bytes)) {
        if (event.type === 'head') {
          const request = new ReceivedRequest(event.head, this.number);
          this.requests.push(request);
          this.#log(request);
          continue;
        }
        const request = this.requests.at(-1);
        request?.grow(event);
        if (event.type === 'end' && request !== undefined && mayLeaveHttp(request)) {
          this.#mode = 'bare';
          this.#unseen = [this.#reader.rest()];
          return;
        }
      }
    } catch (error) {
      this.#fault = error as Error;
    }
  }

  /** All that `received()` may look at, in one piece. */
  #glimpse(): Buffer {
    const unseen = Buffer.concat(this.#unseen);
    this.#unseen = [unseen];
    return unseen;
  }

  #ending(): void {
    if (this.#state === 'open') this.#state = 'ending';
  }

  #closed(): void {
    this.#state = 'closed';
    this.requests.at(-1)?.cut();
    this.#changed.changed();
  }

  #until<T>(look: () => T | undefined): Promise<T> {
    return this.#changed.until(() => {
      const found = look();
      if (found !== undefined) return found;
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#state === 'closed') throw new WireClosed();
      return undefined;
    });
  }
}

function mayLeaveHttp(request: ReceivedRequest): boolean {
  return request.method === 'CONNECT' || request.header('upgrade') !== undefined;
}

function asBuffer(bytes: Bytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes, 'latin1');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function* pieces(bytes: Buffer, split: number | readonly number[] = []): Generator<Buffer> {
  const sizes = typeof split === 'number' ? undefined : split.values();
  let start = 0;
  while (start < bytes.length) {
    const size = typeof split === 'number' ? split : (sizes?.next().value ?? bytes.length);
    if (!(size > 0)) throw new RangeError(`a piece has at least one byte, not ${size}`);
    yield bytes.subarray(start, start + size);
    start += size;
  }
}
