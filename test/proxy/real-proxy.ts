import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `openssl passwd -apr1 -salt strata secret` */
const NCSA_SECRET = '$apr1$strata$GJAmfdUO/2mYzOpki0On01';
const HELPERS = '/usr/lib/squid/';

/** A program of the system's, on loopback, with a configuration of its own. */
export interface RealProxy extends AsyncDisposable {
  readonly port: number;
}

/** Where a program is, or why it cannot be used. */
export function program(name: string): { readonly path: string } | { readonly missing: string } {
  if (name === 'squid' && !existsSync(`${HELPERS}digest_file_auth`))
    return { missing: `squid and its helpers are not in ${HELPERS}` };
  for (const folder of ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'])
    if (existsSync(join(folder, name))) return { path: join(folder, name) };
  return { missing: `${name} is not installed` };
}

/** Starts it, and waits until it takes connections. `configure` writes its files into a folder, and answers the arguments. */
async function start(
  path: string,
  configure: (folder: string, port: number) => string[],
): Promise<RealProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'strata-proxy-'));
  // Programs that are started as root become somebody else.
  chmodSync(folder, 0o777);
  const port = await freePort();
  const args = configure(folder, port);
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (text: Buffer) => (said += text.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (child.exitCode !== null || tries === 200) {
      await stop();
      throw new Error(`${path} does not take connections: ${said.slice(-2000)}`);
    }
    await sleep(50);
  }
  return { port, [Symbol.asyncDispose]: () => stopAll(child, stop) };
}

/** With those it has forked. */
async function stopAll({ pid }: ChildProcess, stop: () => Promise<void>): Promise<void> {
  const children = (of: number): number[] => {
    try {
      const found = execFileSync('ps', ['-o', 'pid=', '--ppid', String(of)]).toString();
      return found
        .split(/\s+/)
        .filter(Boolean)
        .map(Number)
        .flatMap((each) => [each, ...children(each)]);
    } catch {
      return [];
    }
  };
  const all = pid === undefined ? [] : children(pid);
  await stop();
  for (const each of all) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // It has gone by itself.
    }
  }
}

/** Squid: `user:secret`, by Basic or Digest; over TLS where it has been built with it. */
export async function squid(
  path: string,
  asks: 'nothing' | 'basic' | 'digest',
): Promise<RealProxy> {
  return await start(path, (folder, port) => {
    const passwords = join(folder, 'passwords');
    const realm = 'squid';
    const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
    writeFileSync(
      passwords,
      asks === 'digest'
        ? `user:${realm}:${md5(`user:${realm}:secret`)}\n`
        : `user:${NCSA_SECRET}\n`,
    );
    const helper = `${HELPERS}${asks === 'digest' ? 'digest_file_auth -c' : 'basic_ncsa_auth'} ${passwords}`;
    const auth =
      asks === 'nothing'
        ? ['http_access allow localhost']
        : [
            `auth_param ${asks} program ${helper}`,
            `auth_param ${asks} realm ${realm}`,
            `auth_param ${asks} children 1 startup=1`,
            'acl known proxy_auth REQUIRED',
            'http_access allow known',
          ];
    writeFileSync(
      join(folder, 'squid.conf'),
      [
        `http_port 127.0.0.1:${port}`,
        ...auth,
        'http_access deny all',
        'cache deny all',
        'access_log none',
        'cache_log /dev/stderr',
        `pid_filename ${folder}/pid`,
        `coredump_dir ${folder}`,
        'shutdown_lifetime 0 seconds',
        'pinger_enable off',
        'netdb_filename none',
        'max_filedescriptors 1024',
      ].join('\n'),
    );
    return ['-N', '-n', `strata${port}`, '-f', join(folder, 'squid.conf')];
  });
}

export async function tinyproxy(path: string, asks: 'nothing' | 'basic'): Promise<RealProxy> {
  return await start(path, (folder, port) => {
    const file = join(folder, 'tinyproxy.conf');
    writeFileSync(
      file,
      [
        `Port ${port}`,
        'Listen 127.0.0.1',
        'Allow 127.0.0.1',
        'Timeout 20',
        'LogLevel Critical',
        ...(asks === 'basic' ? ['BasicAuth user secret'] : []),
        '',
      ].join('\n'),
    );
    return ['-d', '-c', file];
  });
}

export async function dante(path: string): Promise<RealProxy> {
  return await start(path, (folder, port) => {
    const file = join(folder, 'danted.conf');
    writeFileSync(
      file,
      [
        'logoutput: stderr',
        `internal: 127.0.0.1 port = ${port}`,
        'external: 127.0.0.1',
        'clientmethod: none',
        'socksmethod: none',
        ...(process.getuid?.() === 0 ? ['user.privileged: root', 'user.unprivileged: nobody'] : []),
        'client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }',
        'socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 command: connect }',
        '',
      ].join('\n'),
    );
    return ['-f', file, '-p', join(folder, 'pid')];
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
