import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IpcNetConnectOpts, isIP, type OnReadOpts, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { readAuthorities, readContents, readEnvironmentAuthorities } from './certificates.ts';
import { checkPins } from './pins.ts';
import type { NetworkTarget, TLSInfo } from './stream.ts';
import { type TLSOptions, toPin } from './tls-options.ts';
import { TLSSessions } from './tls-sessions.ts';

/**
 * What a handshake runs over: a connection that `tls.connect` is to open, with options that it takes though its types do not
 * say so, or one that is open.
 */
export type TLSBase =
  | ((TcpNetConnectOpts | IpcNetConnectOpts) & {
      readonly onread: OnReadOpts;
      readonly allowHalfOpen: boolean;
      /** In bytes, for both directions. */
      readonly highWaterMark: number;
    })
  | { readonly socket: Duplex };

/** What `TLSOptions` come to: one OpenSSL context, the sessions of its connections, and the checks. */
export class TLSContext {
  readonly #options: TLSOptions;
  readonly #secureContext: tls.SecureContext;
  readonly #pins: ReadonlySet<string> | undefined;
  readonly #sessions = new TLSSessions();
  /** Under which key a connection's sessions are kept, once it is accepted. */
  readonly #keys = new WeakMap<tls.TLSSocket, string>();
  /** One function each for all connections, which hold on to them as long as they live. */
  readonly #onSession: (this: tls.TLSSocket, session: Buffer) => void;
  readonly #checkIdentity: IdentityCheck;

  /**
   * Reads the files that the options name, at once and synchronously. Throws a `TypeError` where that fails or the parts do
   * not fit together. `trustEnvironment`: whether SSL_CERT_FILE and SSL_CERT_DIR add to the default authorities.
   */
  constructor(options: TLSOptions, trustEnvironment: boolean) {
    this.#options = options;
    this.#secureContext = options.secureContext ?? createContext(options, trustEnvironment);
    if (options.pin !== undefined) {
      this.#pins = new Set([options.pin].flat().map((pin) => toPin(pin) ?? pin));
    }
    this.#checkIdentity = identityCheck(options);
    const sessions = this.#sessions;
    const keys = this.#keys;
    this.#onSession = function (session) {
      const key = keys.get(this);
      if (key !== undefined) sessions.set(key, session);
    };
  }

  /** Begins a handshake. When 'secureConnect' has come, `accept` decides. */
  begin(target: NetworkTarget, base: TLSBase): tls.TLSSocket {
    const alpn = target.tls?.alpn ?? [];
    const name = this.#nameOf(target);
    const isName = isIP(name) === 0;
    // Node checks for SNI, or else for the address that it connects to.
    const isAsked = isName || ('host' in base && base.host === name);
    const session = this.#sessions.get(this.#keyOf(target));
    const socket = tls.connect({
      ...base,
      secureContext: this.#secureContext,
      // Both are always given: Node's defaults for them ask the environment.
      rejectUnauthorized: this.#options.verify ?? true,
      checkServerIdentity: isAsked
        ? this.#checkIdentity
        : (_, certificate) => this.#checkIdentity(name, certificate),
      servername: isName ? name : '',
      ...(alpn.length === 0 ? undefined : { ALPNProtocols: [...alpn] }),
      ...(session === undefined ? undefined : { session }),
    });
    // From the start, or OpenSSL makes none for TLS 1.2. One that comes before `accept` is not kept: it would stand for an
    // identity that nobody has checked.
    return socket.on('session', this.#onSession);
  }

  /**
   * The handshake is done, Node has verified the certificate. Throws a `PinMismatch` where the key is none of those expected.
   * A resumed connection shows no chain; its session stems from one that passed, under the same options.
   */
  accept(target: NetworkTarget, socket: tls.TLSSocket): TLSInfo {
    const resumed = socket.isSessionReused();
    if (this.#pins !== undefined && !resumed) checkPins(socket, this.#pins);
    this.#keys.set(socket, this.#keyOf(target));
    return {
      alpnProtocol: socket.alpnProtocol || null,
      version: socket.getProtocol(),
      cipher: socket.getCipher().name,
      resumed,
    };
  }

  /** The handshake failed: it may be the session that the server choked on. */
  refused(target: NetworkTarget): void {
    this.#sessions.delete(this.#keyOf(target));
  }

  forgetSessions(): void {
    this.#sessions.clear();
  }

  /** Certificates and SNI know no dot at the end. */
  #nameOf({ host, tls: asked }: NetworkTarget): string {
    return (this.#options.servername ?? (asked?.servername || host)).replace(/\.$/, '');
  }

  #keyOf(target: NetworkTarget): string {
    return `${this.#nameOf(target)} ${target.host}:${target.port}`;
  }
}

type IdentityCheck = (name: string, certificate: tls.PeerCertificate) => Error | undefined;

function identityCheck(options: TLSOptions): IdentityCheck {
  const { verify = true, checkServerIdentity = tls.checkServerIdentity } = options;
  return (name, certificate) => {
    if (!verify) return undefined;
    try {
      return checkServerIdentity(name, certificate);
    } catch (error) {
      // It is called by Node, where what it throws would be nobody's to catch.
      return error instanceof Error
        ? error
        : new Error(`checkServerIdentity threw ${String(error)}`);
    }
  };
}

function createContext(options: TLSOptions, trustEnvironment: boolean): tls.SecureContext {
  const { ca, cert, key, pfx, passphrase, minVersion = 'TLSv1.2', maxVersion, ciphers } = options;
  const authorities = ca === undefined ? defaultAuthorities(trustEnvironment) : readAuthorities(ca);
  for (const pem of ca === undefined ? [] : (authorities ?? [])) checkCertificate(pem);
  try {
    return tls.createSecureContext({
      minVersion,
      ...(authorities === undefined ? undefined : { ca: [...authorities] }),
      ...(cert === undefined ? undefined : { cert: readContents('cert', cert) }),
      ...(key === undefined ? undefined : { key: readContents('key', key) }),
      ...(pfx === undefined ? undefined : { pfx: readContents('pfx', pfx) }),
      ...(passphrase === undefined ? undefined : { passphrase }),
      ...(maxVersion === undefined ? undefined : { maxVersion }),
      ...(ciphers === undefined ? undefined : { ciphers }),
    });
  } catch (error) {
    if (error instanceof TypeError) throw error;
    throw new TypeError(`tls: ${explain(error as Error & { reason?: string }, options)}`, {
      cause: error,
    });
  }
}

/** OpenSSL passes over a broken one without a word. */
function checkCertificate(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw new TypeError(`tls.ca: a certificate cannot be read (${(error as Error).message})`, {
      cause: error,
    });
  }
}

/** Undefined: Node's own, which are loaded already, where giving them as a list costs some 20 ms. */
function defaultAuthorities(trustEnvironment: boolean): readonly string[] | undefined {
  const { SSL_CERT_FILE, SSL_CERT_DIR } = process.env;
  if (!trustEnvironment || !(SSL_CERT_FILE || SSL_CERT_DIR)) return undefined;
  const own = nodeAuthorities();
  const more = readEnvironmentAuthorities(process.env, own);
  return more.length === 0 ? undefined : [...own, ...more];
}

/** With those of NODE_EXTRA_CA_CERTS, which Node leaves out where a list is given. */
function nodeAuthorities(): readonly string[] {
  // Since 22.15; older ones keep to themselves what NODE_EXTRA_CA_CERTS has added.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates !== undefined) return getCACertificates('default');
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  try {
    return extra ? [...tls.rootCertificates, readFileSync(extra, 'latin1')] : tls.rootCertificates;
  } catch {
    // Node itself has warned of it.
    return tls.rootCertificates;
  }
}

/** What OpenSSL says of keys is short to the point of being misleading. */
function explain(error: Error & { reason?: string }, { passphrase, pfx }: TLSOptions): string {
  const reason = error.reason ?? error.message;
  if (reason === 'bad decrypt' || reason === 'mac verify failure') {
    const what = pfx === undefined ? 'key' : 'pfx';
    return passphrase === undefined
      ? `${what} is encrypted: tls.passphrase is needed`
      : `tls.passphrase does not open ${what}`;
  }
  if (reason === 'key values mismatch') return 'key is not the key of cert';
  if (reason === 'no cipher match') return 'ciphers names no cipher that there is';
  return `cert, key or pfx cannot be used: ${reason}`;
}
