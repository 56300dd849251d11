import type { PeerCertificate, SecureContext, SecureVersion } from 'node:tls';
import {
  checkOptions,
  describe,
  isBoolean,
  isFunction,
  isOneOf,
  isText,
  type OptionRule,
} from './check-options.ts';

/** PEM text, its bytes, or the path of a file that holds it: a string without `-----BEGIN` is a path. */
export type PEM = string | Uint8Array;

/**
 * How TLS is spoken. Nothing is read or loaded before the first TLS connection; what cannot be read or does not fit together
 * fails that connection, and those after it, with a `TypeError`.
 */
export interface TLSOptions {
  /**
   * The authorities that are trusted, instead of Node's roots: PEM (each may hold many certificates), or the path of a file or
   * of a directory whose *.pem, *.crt and *.cer files, and those named by `c_rehash`, are read. Default: Node's roots, and
   * those that SSL_CERT_FILE and SSL_CERT_DIR name where the environment is trusted.
   */
  readonly ca?: PEM | readonly PEM[];
  /** The client's certificate, with those that lead to its authority behind it. Needs `key`. */
  readonly cert?: PEM | readonly PEM[];
  /** The private key of `cert`. */
  readonly key?: PEM | readonly PEM[];
  /** Opens `key` and `pfx` where they are encrypted. */
  readonly passphrase?: string;
  /** Certificate and key in one, as PKCS #12: its bytes, or the path of a file. */
  readonly pfx?: PEM | readonly PEM[];
  /**
   * Whether the server's certificate has to be signed by a trusted authority and to be for its name. Default: true, whatever
   * NODE_TLS_REJECT_UNAUTHORIZED says. With false, anyone on the way can read and change all: with `pin` it is bearable.
   */
  readonly verify?: boolean;
  /**
   * The name sent as SNI and expected in the certificate, of every server. Default: the host of the URL. An address is never
   * sent (RFC 6066 §3).
   */
  readonly servername?: string;
  /** Default: TLSv1.2. */
  readonly minVersion?: SecureVersion;
  /** Default: the highest that Node speaks. */
  readonly maxVersion?: SecureVersion;
  /** The ciphers allowed, in OpenSSL's notation. Default: Node's. */
  readonly ciphers?: string;
  /**
   * The SHA-256 of public keys (SubjectPublicKeyInfo) in base64, with or without `sha256/` before it: the server's own, or of
   * one of the authorities that lead up from it, has to be among them. Checked besides `verify`, not instead of it.
   */
  readonly pin?: string | readonly string[];
  /**
   * A context of your own, which leaves no place for `ca`, `cert`, `key`, `passphrase`, `pfx`, `minVersion`, `maxVersion` and
   * `ciphers`.
   */
  readonly secureContext?: SecureContext;
  /**
   * Whether a certificate that is signed is for that name: returns the error where it is not. Default: `tls.checkServerIdentity`.
   * Not called where `verify` is false.
   */
  readonly checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined;
}

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

const isPEM: OptionRule = {
  expected: 'PEM text, bytes, a path, or a list of these',
  allows: (value) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return (
      list.length > 0 &&
      list.every((each) => (typeof each === 'string' && each !== '') || each instanceof Uint8Array)
    );
  },
};

/** Throws a `TypeError` for an option that is unknown, ill-typed, or at odds with another. */
export function checkTLSOptions(options: TLSOptions): void {
  checkOptions('tls.', options, {
    ca: isPEM,
    cert: isPEM,
    key: isPEM,
    passphrase: { expected: 'a string', allows: (value) => typeof value === 'string' },
    pfx: isPEM,
    verify: isBoolean,
    servername: isText,
    minVersion: isOneOf(...VERSIONS),
    maxVersion: isOneOf(...VERSIONS),
    ciphers: isText,
    pin: {
      expected: 'the base64 of a SHA-256 digest, or a list of these',
      allows: (value) => {
        const list: readonly unknown[] = Array.isArray(value) ? value : [value];
        return (
          list.length > 0 &&
          list.every((each) => typeof each === 'string' && toPin(each) !== undefined)
        );
      },
    },
    secureContext: {
      expected: 'what tls.createSecureContext() returned',
      allows: (value) => typeof value === 'object' && value !== null && 'context' in value,
    },
    checkServerIdentity: isFunction,
  });
  const { cert, key, minVersion = 'TLSv1.2', maxVersion, secureContext } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(cert === undefined ? 'tls.key: needs tls.cert' : 'tls.cert: needs tls.key');
  }
  if (maxVersion !== undefined && VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion)) {
    throw new TypeError(
      `tls.maxVersion: expected ${minVersion} (tls.minVersion) or higher, got ${describe(maxVersion)}`,
    );
  }
  if (secureContext !== undefined) {
    const parts = [
      'ca',
      'cert',
      'key',
      'passphrase',
      'pfx',
      'minVersion',
      'maxVersion',
      'ciphers',
    ] as const;
    const part = parts.find((name) => options[name] !== undefined);
    if (part !== undefined)
      throw new TypeError(
        `tls.${part}: has no effect beside tls.secureContext, which holds its own`,
      );
  }
}

/** A pin as it is compared, or undefined where the text is none. */
export function toPin(text: string): string | undefined {
  const base64 = text.replace(/^sha256\/{1,2}/, '');
  return /^[A-Za-z0-9+/]{43}=$/.test(base64) ? base64 : undefined;
}
