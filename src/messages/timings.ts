/** How long each phase of one exchange took, in milliseconds. `null`: it did not take place, as where a connection was used again. */
export interface Timings {
  /** When the exchange began, on the `performance.now()` clock. */
  readonly started: number;
  /** Waiting for a connection, its opening not included. */
  readonly queued: number;
  /** Looking the name up. */
  readonly dns: number | null;
  /** Opening the TCP connection. */
  readonly connect: number | null;
  /** The TLS handshake. */
  readonly tls: number | null;
  /** Writing the request. */
  readonly sent: number;
  /** From the last byte of the request to the first of the response. */
  readonly firstByte: number;
  /** From there to the end of the body; null before that. */
  readonly body: number | null;
  /** Whether the connection had served a request before. */
  readonly reused: boolean;
}
