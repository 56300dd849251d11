/**
 * The seam between the protocols above and the ways to open a byte stream below. A stream pushes: it has one receiver for
 * its whole life, so that nothing is allocated per read, and it hands out borrowed memory.
 */

/** What takes a stream's bytes and events. Its methods must not throw. */
export interface StreamReceiver {
  /**
   * `length` bytes have come, at the start of `buffer`. What lies beyond them is stale and must not be looked at: it may be
   * another connection's. The memory is always the one that `nextBuffer` answered last, however the bytes came. Where it has
   * answered none it is the stream's, and the receiver's during the call only.
   * Answering false stops the reading until `resume()`.
   */
  onBytes(buffer: Uint8Array, length: number): boolean;
  /**
   * Asked by `attach` and after every `onBytes`: where to read next, or undefined to read into the same memory again. What it
   * answered before is the receiver's to keep as soon as it answers something else.
   */
  nextBuffer(): Uint8Array | undefined;
  /** All that was written has been handed to the operating system, after a `write` that answered false. */
  onDrain(): void;
  /** The peer will send no more. It can still be sent to: nothing closes before the receiver calls `end` or `destroy`. */
  onEnd(): void;
  /** The stream is gone, for good; always comes, once, as the last event. `error` is why, where it did not end well. */
  onClose(error: Error | undefined): void;
}

/** Milestones of an opened stream, in milliseconds on the `performance.now()` clock; what did not happen is undefined. */
export interface StreamTimings {
  readonly started: number;
  readonly resolved: number | undefined;
  readonly connected: number | undefined;
  readonly secured: number | undefined;
}

/** What was agreed on in the TLS handshake. */
export interface TLSInfo {
  /** As in ALPN: `http/1.1`, `h2`, or null where the peer did not choose. */
  readonly alpnProtocol: string | null;
  /** `TLSv1.3`, … */
  readonly version: string | null;
  readonly cipher: string;
  readonly resumed: boolean;
}

/** An open, ordered, two-way stream of bytes. */
export interface NetworkStream {
  /** `127.0.0.1:443`, `[::1]:443`, or a socket's path. */
  readonly remoteAddress: string | undefined;
  readonly tls: TLSInfo | null;
  readonly timings: StreamTimings;
  /** At least the bytes accepted by `write` that the operating system has not taken yet: falls while it takes some, 0 when it has all. */
  readonly bytesPending: number;

  /** Starts the delivery. To be called once, in the same turn in which the stream was received. A later call swaps the receiver. */
  attach(receiver: StreamReceiver): void;
  /** A string is written as latin1, one byte a character. False: hold back until `onDrain`. */
  write(data: string | Uint8Array): boolean;
  /** Between the two, writes are gathered and leave together. */
  cork(): void;
  uncork(): void;
  /** Reads on, after `onBytes` answered false. */
  resume(): void;
  /** Sends what is pending, then half-closes. */
  end(): void;
  /** Closes at once; what is pending is lost. */
  destroy(): void;
  /** Whether the stream keeps the process alive. A new one does not. */
  ref(): void;
  unref(): void;
}

/** Where to, and how. */
export interface NetworkTarget {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Null: plain. `servername` goes into SNI and is what the certificate must be for; ALPN protocols in order of preference. */
  readonly tls: { readonly servername: string; readonly alpn: readonly string[] } | null;
}

/** An attempt under way to open a stream. */
export interface Opening {
  /** Rejects with a `NetworkFailure`, or with the reason given to `cancel`. */
  readonly stream: Promise<NetworkStream>;
  /** How far it has come, and what it is at, or was when it ended; not there where nothing is known of that. */
  readonly progress?: StreamTimings & { readonly phase: 'dns' | 'connect' | 'tls' };
  /** Ends the attempt, closing all it has begun; nothing happens where it has ended already. */
  cancel(reason: Error): void;
}

/** Opens byte streams. */
export interface NetworkBackend {
  open(target: NetworkTarget): Opening;
  /** Forgets what it keeps (TLS sessions). Streams that are open belong to whoever opened them. */
  close?(): void;
}

/** One address that was tried. */
export interface FailedAttempt {
  readonly address: string;
  readonly error: Error;
}

/** No stream could be opened: the message lists every address that was tried and why it failed. */
export class NetworkFailure extends Error {
  override readonly name = 'NetworkFailure';
  readonly attempts: readonly FailedAttempt[];
  /** The first failure's own code: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, … */
  readonly code: string | undefined;

  constructor(message: string, attempts: readonly FailedAttempt[], cause?: Error) {
    super(message, cause === undefined ? undefined : { cause });
    this.attempts = attempts;
    const first = cause ?? attempts[0]?.error;
    this.code = first !== undefined && 'code' in first ? String(first.code) : undefined;
  }
}
