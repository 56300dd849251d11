import type { Request } from '../messages/request.ts';
import { Auth, type AsyncAuthFlow } from './auth.ts';
import { base64, utf8 } from './bytes.ts';
import { withAuthorization } from './basic.ts';
import { AuthError } from './failure.ts';
import { NetrcFile } from './netrc-file.ts';

/**
 * Basic authentication with what a netrc file has for the host: the file given, else that of the environment's NETRC, else `~/.netrc`
 * or `~/_netrc`. It is read once, when first needed. A host that is not in it is sent nothing.
 */
export class NetrcAuth extends Auth {
  readonly #path: string | null;
  #file: Promise<NetrcFile> | null = null;

  /** A file that is named here must be there: calls reject with an `AuthError` where it cannot be read. */
  constructor(path?: string) {
    super();
    if (path !== undefined && typeof path !== 'string') {
      throw new TypeError(
        `NetrcAuth: expected the path of a file, got ${path === null ? 'null' : typeof path}`,
      );
    }
    this.#path = path ?? null;
  }

  async *authFlow(request: Request): AsyncAuthFlow {
    const file = await this.#read(request);
    const entry = file.find(hostnameOf(request.destination.host));
    yield entry === null
      ? request
      : withAuthorization(request, `Basic ${base64(utf8(`${entry.login}:${entry.password}`))}`);
  }

  /** Whether there is anything in the file, if there is one. */
  async hasEntries(): Promise<boolean> {
    this.#file ??= load(this.#path);
    try {
      return !(await this.#file).isEmpty;
    } catch {
      return false;
    }
  }

  async #read(request: Request): Promise<NetrcFile> {
    this.#file ??= load(this.#path);
    try {
      return await this.#file;
    } catch (cause) {
      throw new AuthError('the netrc file cannot be read', { request, cause });
    }
  }
}

async function load(path: string | null): Promise<NetrcFile> {
  if (path !== null) {
    const { readFile } = await import('node:fs/promises');
    return NetrcFile.parse(await readFile(path, 'utf8'));
  }
  try {
    return await search();
  } catch {
    // No Node, no files.
    return NetrcFile.parse('');
  }
}

async function search(): Promise<NetrcFile> {
  const [{ readFile }, { homedir }, path] = await Promise.all([
    import('node:fs/promises'),
    import('node:os'),
    import('node:path'),
  ]);
  const home = homedir();
  const named = process.env['NETRC'];
  const paths = named
    ? [named.replace(/^~(?=$|[/\\])/, home)]
    : [path.join(home, '.netrc'), path.join(home, '_netrc')];
  for (const file of paths) {
    try {
      return NetrcFile.parse(await readFile(file, 'utf8'));
    } catch {
      // Not there, or not for us: as if there were none.
    }
  }
  return NetrcFile.parse('');
}

/** Without port and brackets. */
function hostnameOf(host: string): string {
  return host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}
