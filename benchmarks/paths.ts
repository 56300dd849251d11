import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the benchmarks');
    folder = parent;
  }
  return folder;
}

/** The folder of package.json: these files run from `build/`, their C source and results do not lie there. */
export const root: string = projectRoot();

/** What is made at run time (the origin's binary, its certificate). Ignored by git, like all of `build/`. */
export const scratch: string = join(root, 'build', 'origin');

/** The main module as it ships: what is measured is what users load. */
export const shipped: string = pathToFileURL(join(root, 'dist', 'index.js')).href;
