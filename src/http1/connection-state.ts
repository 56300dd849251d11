/**
 * Where a connection is.
 *
 *     idle ─ send ─▶ checking ─▶ sending ─▶ waiting ─▶ receiving ─▶ idle
 *                        └──────▶┘  └──────────┴──▶┘      └─▶ draining ─▶ idle
 *                                              └─▶ handed-over
 *     waiting, receiving, draining ─▶ waiting      where the next request has been sent already
 *     any ─▶ closed
 *
 * 'checking' is a turn of the event loop, given to a socket that has been idle for a while, so that
 * a FIN that lies unread is seen before anything is written. 'sending' ends when the last byte of
 * the request is written, or with an answer that comes before that; 'waiting' ends with the answer's
 * head. A response that comes whole goes from there to 'idle' at once.
 */
export type ConnectionState =
  | 'idle'
  | 'checking'
  | 'sending'
  | 'waiting'
  | 'receiving'
  | 'draining'
  | 'handed-over'
  | 'closed';

/** The only moves there are. */
const MOVES: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  idle: ['checking', 'sending', 'closed'],
  checking: ['sending', 'idle', 'closed'],
  sending: ['waiting', 'receiving', 'handed-over', 'idle', 'closed'],
  waiting: ['receiving', 'handed-over', 'idle', 'waiting', 'closed'],
  receiving: ['idle', 'draining', 'waiting', 'closed'],
  draining: ['idle', 'waiting', 'closed'],
  'handed-over': [],
  closed: [],
};

/** Answers `to`. An illegal move is an error of this library's. */
export function moved(from: ConnectionState, to: ConnectionState): ConnectionState {
  if (!MOVES[from].includes(to)) {
    throw new Error(`http1 connection: from ${from} there is no way to ${to}`);
  }
  return to;
}
