import { readdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { PEM } from './tls-options.ts';

/** Certificates by their usual names, and as `c_rehash` names them: eight hex digits and a number. */
const CERTIFICATE_FILE = /(\.(pem|crt|cer)|^[0-9a-f]{8}\.\d+)$/i;

const CERTIFICATE = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/;

/**
 * The authorities that `tls.ca` names, as PEM. Throws a `TypeError` where something cannot be read or holds no certificate:
 * OpenSSL would pass over it without a word, and trust nobody.
 */
export function readAuthorities(ca: PEM | readonly PEM[]): string[] {
  const found = new Set<string>();
  for (const given of asList(ca)) {
    if (isPath(given) && isDirectory(given)) {
      for (const pem of orTypeError('ca', given, readDirectory)) found.add(pem);
    } else {
      const pem = read('ca', given).toString('latin1');
      if (!CERTIFICATE.test(pem)) {
        throw new TypeError(
          `tls.ca: ${isPath(given) ? given : 'what was given'} holds no certificate in PEM`,
        );
      }
      found.add(pem);
    }
  }
  if (found.size === 0)
    throw new TypeError(`tls.ca: there is no certificate in ${asList(ca).join(', ')}`);
  return [...found];
}

/** `cert`, `key` and `pfx`: their contents. Throws a `TypeError` where a file cannot be read. */
export function readContents(
  option: 'cert' | 'key' | 'pfx',
  value: PEM | readonly PEM[],
): Buffer[] {
  return asList(value).map((given) => read(option, given));
}

/**
 * The authorities that the environment adds to `known`: the certificates of the file SSL_CERT_FILE and of the directories
 * SSL_CERT_DIR, one by one. What does not exist is passed over, as OpenSSL and Go do: the variables are often set for a whole
 * system, and can only add.
 */
export function readEnvironmentAuthorities(
  environment: NodeJS.ProcessEnv,
  known: readonly string[],
): string[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories = '' } = environment;
  const texts: string[] = [];
  if (file) texts.push(...tolerantly(() => [readFileSync(file, 'latin1')]));
  for (const directory of directories.split(delimiter).filter((each) => each !== '')) {
    texts.push(...tolerantly(() => readDirectory(directory)));
  }
  // Mostly they name the system's store: the same certificates several times over, and most of them Node's own too. Each costs
  // OpenSSL a tenth of a millisecond.
  const found = new Set(texts.flatMap(splitPEM));
  for (const each of splitPEM(known.join('\n'))) found.delete(each);
  return [...found];
}

function splitPEM(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** A set: `c_rehash` leaves each certificate there twice, under its name and under its hash. */
function readDirectory(directory: string): Set<string> {
  const found = new Set<string>();
  for (const name of readdirSync(directory).sort()) {
    if (!CERTIFICATE_FILE.test(name)) continue;
    // A link that leads nowhere is left behind wherever certificates are removed.
    for (const pem of tolerantly(() => [readFileSync(join(directory, name), 'latin1')])) {
      if (CERTIFICATE.test(pem)) found.add(pem);
    }
  }
  return found;
}

function tolerantly<T>(look: () => Iterable<T>): Iterable<T> {
  try {
    return look();
  } catch {
    return [];
  }
}

function read(option: string, given: PEM): Buffer {
  if (typeof given !== 'string')
    return Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  if (!isPath(given)) return Buffer.from(given);
  return orTypeError(option, given, (path) => readFileSync(path));
}

function orTypeError<T>(option: string, path: string, look: (path: string) => T): T {
  try {
    return look(path);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new TypeError(`tls.${option}: cannot read ${JSON.stringify(path)} (${code})`, {
      cause: error,
    });
  }
}

function isPath(given: PEM): given is string {
  return typeof given === 'string' && !given.includes('-----BEGIN');
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
