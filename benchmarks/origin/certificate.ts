import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from '../paths.ts';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A self-signed certificate for 127.0.0.1, made once by the `openssl` command; null where there is none. */
export function makeCertificate(): Certificate | null {
  const certificate = join(scratch, 'certificate.pem');
  const key = join(scratch, 'key.pem');
  if (existsSync(certificate) && existsSync(key)) return { certificate, key };
  mkdirSync(scratch, { recursive: true });
  const request = 'req -x509 -nodes -days 3650 -subj /CN=localhost';
  const kind = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1';
  const names = '-addext subjectAltName=DNS:localhost,IP:127.0.0.1';
  const words = [request, kind, names].join(' ').split(' ');
  const { status } = spawnSync('openssl', [...words, '-keyout', key, '-out', certificate]);
  return status === 0 ? { certificate, key } : null;
}
