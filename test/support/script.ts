import type { TlsOptions } from 'node:tls';
import type { ReceivedRequest } from './received-request.ts';
import type { Bytes, SendOptions, Wire } from './wire.ts';

/** One line of a script. A function of your own may stand between those of this file. */
export type Step = (wire: Wire) => unknown;

/** What happens on one connection. */
export interface ConnectionScript {
  readonly steps: readonly Step[];
  /** Bare: the script starts before TLS and HTTP do. */
  readonly bare: boolean;
  /** Whether each further connection is played the same. */
  readonly repeated: boolean;
}

/** A connection that plays these steps. It stays open after the last, until the client closes. */
export function connection(...steps: Step[]): ConnectionScript {
  return { steps, bare: false, repeated: false };
}

/**
 * A connection on which nothing happens by itself, not even the handshake of a TLS server: for
 * SOCKS, for handshakes that fail, for bytes that come before any request.
 */
export function bareConnection(...steps: Step[]): ConnectionScript {
  return { steps, bare: true, repeated: false };
}

/** The last connection of a script, for all that follow; or steps, until the client closes. */
export function repeat(script: ConnectionScript): ConnectionScript;
export function repeat(...steps: Step[]): Step;
export function repeat(first: ConnectionScript | Step, ...others: Step[]): ConnectionScript | Step {
  if (typeof first !== 'function') return { ...first, repeated: true };
  return async (wire) => {
    while (wire.state === 'open') {
      for (const step of [first, ...others]) await step(wire);
    }
  };
}

// Waiting

/** Waits for the head of the next request. */
export const head = (): Step => (wire) => wire.head();

/** Waits for so many bytes of that request's body, or for all of it. */
export const body =
  (size?: number): Step =>
  (wire) =>
    wire.body(size);

/** Waits for the next request, head and body. */
export const request = (): Step => (wire) => wire.request();

/** Waits until the client has sent this text or so many bytes, since the last such wait. */
export const received =
  (what: number | string): Step =>
  (wire) =>
    wire.received(what);

/** Waits so many milliseconds. */
export const delay =
  (ms: number): Step =>
  (wire) =>
    wire.delay(ms);

/** Waits for the test, which settles the promise. */
export const until =
  (event: PromiseLike<unknown>): Step =>
  (wire) =>
    wire.until(event);

/** Waits for the client to close, whatever else it sends. */
export const hang = (): Step => (wire) => wire.hang();

// Acting

/** Sends bytes, asked for or not. */
export const send =
  (bytes: Bytes, options?: SendOptions): Step =>
  (wire) =>
    wire.send(bytes, options);

/** Waits for the next request, head and body, and answers it. */
export function reply(
  answer: Bytes | ((request: ReceivedRequest) => Bytes),
  options?: SendOptions,
): Step {
  return async (wire) => {
    const asked = await wire.request();
    await wire.send(typeof answer === 'function' ? answer(asked) : answer, options);
  };
}

/** Half-closes: the client reads the end, and may still send. */
export const fin = (): Step => (wire) => wire.fin();

/** Closes with a TCP reset. */
export const reset = (): Step => (wire) => wire.reset();

/** Closes both directions at once; over TLS without a close_notify. */
export const close = (): Step => (wire) => wire.close();

/** Reads nothing more, so that the client's writes fill up. (Loopback swallows megabytes first.) */
export const stopReading = (): Step => (wire) => wire.stopReading();

export const resumeReading = (): Step => (wire) => wire.resumeReading();

/** Secures a bare connection, or the tunnel that the last reply to a CONNECT opened. */
export const startTLS =
  (options?: TlsOptions): Step =>
  (wire) =>
    wire.startTLS(options);

/** Answers the ClientHello by the fatal alert handshake_failure. For a `bareConnection`. */
export const refuseHandshake = (): Step => async (wire) => {
  await wire.received(1);
  await wire.send('\x15\x03\x03\x00\x02\x02\x28');
  await wire.fin();
};
