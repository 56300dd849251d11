import { Inbound } from './inbound.ts';
import type { NetworkStream, StreamTimings, TLSInfo } from './stream.ts';

export interface MemoryStreamOptions {
  /** Bytes written and not taken by the peer at which `write` answers false. Default: 65,536. */
  readonly highWaterMark?: number;
  /** What the streams say of themselves. Default: null. */
  readonly tls?: TLSInfo | null;
  /** Default: `memory`. */
  readonly remoteAddress?: string;
  /** Sees what the first of the two writes. */
  readonly onWrite?: (chunk: Uint8Array) => void;
}

/**
 * Two streams that are each other's peer, without a network: what one writes the other receives, in later microtasks, one
 * `onBytes` for each `write` (what was written between `cork` and `uncork` comes as one). A peer that holds back makes `write`
 * answer false, as with sockets.
 */
export function memoryPair(options: MemoryStreamOptions = {}): [MemoryStream, MemoryStream] {
  const { onWrite, ...both } = options;
  const near = new MemoryStream(both, onWrite);
  const far = new MemoryStream(both);
  near.connect(far);
  far.connect(near);
  return [near, far];
}

/** One end of `memoryPair()`. */
export class MemoryStream extends Inbound implements NetworkStream {
  readonly remoteAddress: string;
  readonly tls: TLSInfo | null;
  readonly timings: StreamTimings;
  readonly #highWaterMark: number;
  readonly #onWrite: ((chunk: Uint8Array) => void) | undefined;
  #peer: MemoryStream = this;
  /** Written, and not yet taken by the peer. */
  #outbox: Uint8Array[] = [];
  #bytesPending = 0;
  /** Written since `cork`. */
  #gathered: Uint8Array[] | undefined;
  #needsDrain = false;
  #isReading = false;
  /** Our own direction. */
  #sending: 'open' | 'ending' | 'ended' = 'open';
  #peerEnded = false;
  #isGone = false;
  #isMoving = false;

  constructor(options: MemoryStreamOptions, onWrite?: (chunk: Uint8Array) => void) {
    super();
    const { highWaterMark = 64 * 1024, remoteAddress = 'memory', tls = null } = options;
    this.#highWaterMark = highWaterMark;
    this.#onWrite = onWrite;
    this.remoteAddress = remoteAddress;
    this.tls = tls;
    const now = performance.now();
    const secured = tls === null ? undefined : now;
    this.timings = { started: now, resolved: undefined, connected: now, secured };
  }

  get bytesPending(): number {
    return this.#bytesPending;
  }

  /** For `memoryPair`. */
  connect(peer: MemoryStream): void {
    this.#peer = peer;
  }

  write(data: string | Uint8Array): boolean {
    if (this.#isGone) return false;
    if (this.#sending !== 'open') {
      this.drop();
      this.fail(new Error('written after end()'));
      return false;
    }
    // A copy: the memory is the writer's again when this returns.
    const chunk = typeof data === 'string' ? Buffer.from(data, 'latin1') : new Uint8Array(data);
    if (chunk.length > 0) {
      this.#onWrite?.(chunk);
      (this.#gathered ?? this.#outbox).push(chunk);
      this.#bytesPending += chunk.length;
      this.#moveSoon();
    }
    this.#needsDrain ||= this.#bytesPending >= this.#highWaterMark;
    return !this.#needsDrain;
  }

  cork(): void {
    this.#gathered ??= [];
  }

  uncork(): void {
    const gathered = this.#gathered;
    this.#gathered = undefined;
    if (gathered === undefined || gathered.length === 0) return;
    this.#outbox.push(Buffer.concat(gathered));
    this.#moveSoon();
  }

  end(): void {
    this.uncork();
    if (this.#sending !== 'open') return;
    this.#sending = 'ending';
    this.#moveSoon();
  }

  destroy(): void {
    if (this.#isGone) return;
    this.drop();
    this.#vanish(undefined);
    this.#peer.#receiveEnd();
  }

  /** Breaks the connection: the peer closes with `error`, this stream without one. Default: ECONNRESET. */
  reset(error: Error = systemError('read', 'ECONNRESET')): void {
    if (this.#isGone) return;
    this.drop();
    this.#vanish(undefined);
    this.#peer.#vanish(error);
  }

  /** Does nothing: there is no process to keep alive. */
  ref(): void {}

  unref(): void {}

  protected override startReading(): void {
    this.#isReading = true;
    this.#peer.#moveSoon();
  }

  protected override fail(error: Error): void {
    this.#vanish(error);
    this.#peer.#vanish(systemError('read', 'ECONNRESET'));
  }

  /** Once for all that is written in one turn. */
  #moveSoon(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    queueMicrotask(() => {
      this.#isMoving = false;
      this.#move();
    });
  }

  #move(): void {
    const peer = this.#peer;
    while (peer.#isReading && !peer.#isGone) {
      const chunk = this.#outbox.shift();
      if (chunk === undefined) break;
      this.#bytesPending -= chunk.length;
      peer.#isReading = peer.takeOwned(chunk);
    }
    if (this.#isGone) return;
    if (this.#outbox.length > 0) {
      if (peer.#isGone) this.#vanish(systemError('write', 'EPIPE'));
      return;
    }
    if (this.#needsDrain && this.#bytesPending === 0) {
      this.#needsDrain = false;
      this.drained();
    }
    if (this.#sending === 'ending') {
      this.#sending = 'ended';
      peer.#receiveEnd();
      this.#closeIfOver();
    }
  }

  #receiveEnd(): void {
    if (this.#isGone || this.#peerEnded) return;
    this.#peerEnded = true;
    this.ended();
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#sending === 'ended' && this.#peerEnded) this.#vanish(undefined);
  }

  #vanish(error: Error | undefined): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#outbox = [];
    this.#bytesPending = 0;
    queueMicrotask(() => this.closed(error));
  }
}

/** As Node makes them of what the operating system answers: `read ECONNRESET`. */
export function systemError(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { syscall, code });
}
