import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root, scratch } from '../paths.ts';

/** A binary of origin.c, and whether it speaks TLS (it does where OpenSSL's headers are installed). */
export interface OriginBinary {
  readonly path: string;
  readonly tls: boolean;
}

const sources = ['origin.c', 'answers.h', 'wire.h'].map((name) =>
  join(root, 'benchmarks', 'origin', name),
);

/** Compiles the origin with whatever `cc` is there, once; null where there is none. */
export function compileOrigin(): OriginBinary | null {
  const withTls = join(scratch, 'origin-tls');
  const plain = join(scratch, 'origin');
  mkdirSync(scratch, { recursive: true });
  if (compile(withTls, ['-DWITH_TLS'], ['-lssl', '-lcrypto'])) return { path: withTls, tls: true };
  if (compile(plain, [], [])) return { path: plain, tls: false };
  return null;
}

function compile(to: string, flags: readonly string[], libraries: readonly string[]): boolean {
  const isFresh = existsSync(to) && sources.every((source) => modified(source) <= modified(to));
  if (isFresh) return true;
  const [main = ''] = sources;
  const draft = `${to}.${process.pid}`;
  const { status } = spawnSync('cc', ['-O2', ...flags, '-o', draft, main, ...libraries]);
  if (status !== 0) return false;
  renameSync(draft, to); // whole at once: another run may be looking for it
  return true;
}

function modified(path: string): number {
  return statSync(path).mtimeMs;
}
