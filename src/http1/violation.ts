/** What the peer sent is not HTTP/1.1: the message names the offence. The connection makes a `RemoteProtocolError` of it. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A byte as it shows in messages. */
export function byte(code: number): string {
  return code > 0x20 && code < 0x7f
    ? JSON.stringify(String.fromCharCode(code))
    : `0x${code.toString(16).padStart(2, '0')}`;
}
