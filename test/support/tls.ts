import { readFileSync } from 'node:fs';
import { fixture } from './fixtures.ts';

/** A certificate and its key, as PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const read = (file: string): Buffer => readFileSync(fixture(`test/support/certs/${file}`));

const identity = (name: string): Identity => ({
  cert: read(`${name}.crt`).toString(),
  key: read(`${name}.key`).toString(),
});

/** The authority that signed all below but `selfSigned`. */
export const ca: string = read('ca.crt').toString();

/** Opens `encryptedClientKey` and `clientPFX`. */
export const passphrase = 'strata';

/** Identities to serve with; made by certs/make-certs.sh, valid from 2000 to 2100. */
export const identities = {
  /** localhost, 127.0.0.1, ::1 and *.example.test */
  server: identity('server'),
  /** For a client that has to show a certificate: CN=client. */
  client: identity('client'),
  /** As `server`, but ended in 2001. */
  expired: identity('expired'),
  /** As `server`, but signed by nobody else. */
  selfSigned: identity('self-signed'),
  /** Signed and valid, but for wrong.test only. */
  wrongHost: identity('wrong-host'),
} as const;

/** The client's key, encrypted. */
export const encryptedClientKey: string = read('client.encrypted.key').toString();

/** The client's key and certificate as PKCS #12. */
export const clientPFX: Buffer = read('client.pfx');
