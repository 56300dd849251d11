import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The path of a file of the repository, given from its root. Tests run compiled, from `build/`,
 * while fixtures stay where they are: the root is the nearest folder above with a package.json
 * and that file.
 */
export function fixture(path: string): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) || !existsSync(join(folder, path))) {
    if (folder === dirname(folder)) throw new Error(`no fixture ${path}`);
    folder = dirname(folder);
  }
  return join(folder, path);
}
