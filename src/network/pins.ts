import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** The server's keys are not among those expected. */
export class PinMismatch extends Error {
  override readonly name = 'PinMismatch';
  readonly code = 'ERR_TLS_PIN_MISMATCH';
}

/**
 * Throws where none of the certificates from the server's own upwards has a pinned key. Each step up is checked by its signature:
 * a server may send what it likes beside its chain, a pinned authority's certificate too.
 */
export function checkPins(socket: TLSSocket, pins: ReadonlySet<string>): void {
  const seen: string[] = [];
  let certificate = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined) {
    const current = new X509Certificate(certificate.raw);
    const pin = pinOf(current);
    if (pins.has(pin)) return;
    seen.push(pin);
    const issuer = certificate.issuerCertificate;
    // A root is its own issuer.
    if (issuer?.raw === undefined || issuer === certificate) break;
    if (!current.verify(new X509Certificate(issuer.raw).publicKey)) break;
    certificate = issuer;
  }
  throw new PinMismatch(
    `none of the keys of the certificate's chain is pinned: ${seen.join(', ')}`,
  );
}

function pinOf(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
