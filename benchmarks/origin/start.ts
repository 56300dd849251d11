import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pinned } from '../machine/cores.ts';
import { scratch } from '../paths.ts';
import { apiDocument } from '../workloads/ingredients.ts';
import { makeCertificate } from './certificate.ts';
import { compileOrigin } from './compile.ts';

export interface OriginOptions {
  /** How many servers to be, each at an address of its own. */
  readonly count: number;
  readonly tls: boolean;
  readonly core: number | undefined;
}

/** A running origin server. */
export interface Origin {
  readonly origins: readonly string[];
  readonly pid: number;
  /** What clients must trust: a file for NODE_EXTRA_CA_CERTS. */
  readonly certificate: string | null;
  /** Something that makes the figures worth less, in words. */
  readonly warning: string | null;
  stop(): Promise<void>;
}

/** Starts origin.c, or its stand-in in Node where it cannot be compiled. */
export async function startOrigin({ count, tls, core }: OriginOptions): Promise<Origin> {
  const certificate = tls ? makeCertificate() : null;
  if (tls && certificate === null)
    throw new Error('TLS needs the `openssl` command, to make a certificate');
  const binary = compileOrigin();
  const isNative = binary !== null && (binary.tls || !tls);
  const program = isNative
    ? [binary.path]
    : [process.execPath, fileURLToPath(new URL('stand-in.js', import.meta.url))];
  const words = [
    ...program,
    '--json',
    writeDocument(),
    ...(certificate === null ? [] : ['--tls', certificate.certificate, certificate.key]),
  ];
  const [command = '', ...parameters] = pinned(core, words);
  // its standard input stays open as long as this process lives: the origin ends with it
  const child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { port, tlsPort } = await announcement(child);
  return {
    origins: tls
      ? [`https://127.0.0.1:${tlsPort}`]
      : addresses(count).map((address) => `http://${address}:${port}`),
    pid: child.pid ?? 0,
    certificate: certificate?.certificate ?? null,
    warning: isNative
      ? null
      : missing(binary === null ? 'no C compiler (cc)' : 'no OpenSSL headers'),
    async stop() {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}

/** As many addresses of this machine as asked for: all of 127.0.0.0/8 are its own. */
function addresses(count: number): string[] {
  return count === 1
    ? ['127.0.0.1']
    : Array.from({ length: count }, (_, i) => `127.1.${i >> 8}.${i & 255}`);
}

function missing(what: string): string {
  return `${what}: the origin is a Node program, which saturates before a fast client does. Requests per second are its own; CPU per request is only indicative.`;
}

function writeDocument(): string {
  mkdirSync(scratch, { recursive: true });
  const path = join(scratch, 'document.json.gz');
  writeFileSync(path, gzipSync(JSON.stringify(apiDocument)));
  return path;
}

interface Announcement {
  readonly port: number;
  readonly tlsPort: number;
}

async function announcement(child: ChildProcess): Promise<Announcement> {
  if (child.stdout === null) throw new Error('the origin has no standard output');
  const lines = createInterface(child.stdout);
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the origin ended with ${code}`);
    }),
  ]);
  return JSON.parse(first) as Announcement;
}
