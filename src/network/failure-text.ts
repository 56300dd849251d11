/** Whether the network broke under a handshake, rather than TLS refusing it: another address may do better. */
export function isBrokenConnection(error: Error): boolean {
  // Node calls a peer that closes during the handshake ECONNRESET too, without a system call.
  return 'syscall' in error || codeOf(error) === 'ECONNRESET';
}

/** `connect ECONNREFUSED`: Node's message without the address, which stands before it already. */
export function explainConnectFailure(error: Error): string {
  const code = codeOf(error);
  return code !== undefined && 'syscall' in error
    ? `${String(error.syscall)} ${code}`
    : error.message;
}

/** `TLS: certificate has expired (CERT_HAS_EXPIRED)` */
export function explainTLSFailure(error: Error): string {
  if (isBrokenConnection(error)) {
    return `TLS: the connection broke during the handshake (${codeOf(error)})`;
  }
  // OpenSSL's own message begins with a thread's number and ends with a file's name; its `reason` is what it means.
  const text = 'library' in error && 'reason' in error ? String(error.reason) : error.message;
  const code = codeOf(error);
  return code === undefined ? `TLS: ${text}` : `TLS: ${text} (${code})`;
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
