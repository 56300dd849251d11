import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Block } from './blocks.ts';

/** Where the tests were compiled to: build/. */
const build = new URL('../../', import.meta.url);
const folder = new URL('documents/', build);

const EXAMPLE_URL = /https:\/\/([^\s/@'`]+@)?((?:[a-z0-9-]+\.)*example\.(?:com|net|org))\b/g;

/** The blocks of the documents as programs: type-checked against the sources, run against what was compiled of them. */
export class Programs {
  /** Complaints of the compiler, with the place in the document. */
  readonly complaints: readonly string[];
  /** tsc puts its output where the source stands below `rootDir`. */
  readonly #emitted: URL;

  /** Compiles all of the blocks at once. `root` is the project's. */
  static async compile(root: URL, blocks: readonly Block[]): Promise<Programs> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(new URL('scratch/', folder), { recursive: true });
    // What examples call by this name: a certificate that is trusted besides Node's own.
    copyFileSync(new URL('test/support/certs/ca.crt', root), new URL('scratch/client.pem', folder));
    for (const block of blocks) {
      // As far down as in the document, so that a complaint has the right line.
      const text = `${'\n'.repeat(block.line - 1)}${block.code}export {};\n`;
      writeFileSync(new URL(`${nameOf(block)}.${block.language}`, folder), text);
    }
    const config = {
      extends: fileURLToPath(new URL('tsconfig.json', root)),
      compilerOptions: {
        rootDir: fileURLToPath(root),
        outDir: fileURLToPath(new URL('out/', folder)),
        paths: {
          'strata-http': [fileURLToPath(new URL('src/index.ts', root))],
          'strata-http/*': [fileURLToPath(new URL('src/*.ts', root)).replace('%2A', '*')],
        },
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ['*.ts'],
    };
    writeFileSync(new URL('tsconfig.json', folder), JSON.stringify(config, null, 2));
    return new Programs(root, blocks, await tsc(fileURLToPath(folder)));
  }

  private constructor(root: URL, blocks: readonly Block[], output: string) {
    this.#emitted = new URL(`out/${folder.href.slice(root.href.length)}`, folder);
    if (!existsSync(this.#emitted)) throw new Error(`tsc compiled nothing: ${output}`);
    this.complaints = blocks.flatMap((block) =>
      output
        .split('\n')
        .filter((line) => line.includes(`${nameOf(block)}.ts(`))
        .map((line) => line.replace(/^.*?\((\d+),\d+\)/, `${block.file}:$1`)),
    );
  }

  /** Runs a block to its end, with each of the hosts at an origin of the machine's own. */
  async run(block: Block, origins: ReadonlyMap<string, string>): Promise<void> {
    const compiled = new URL(
      `${nameOf(block)}.js`,
      block.language === 'ts' ? this.#emitted : folder,
    );
    const program = readFileSync(compiled, 'utf8')
      .replaceAll(EXAMPLE_URL, (_, user: string | undefined, host: string) =>
        (origins.get(host) as string).replace('//', `//${user ?? ''}`),
      )
      .replace(/\bfrom 'strata-http(?:\/(\w+))?'/g, (_, entry = 'index') => {
        return `from '${new URL(`src/${entry}.js`, build).href}'`;
      });
    const ready = new URL(`${nameOf(block)}.mjs`, folder);
    writeFileSync(ready, program);
    const before = process.cwd();
    // What it writes to the disk stays in here.
    process.chdir(fileURLToPath(new URL('scratch/', folder)));
    try {
      await import(ready.href);
    } finally {
      process.chdir(before);
    }
  }
}

function nameOf({ file, line }: Block): string {
  return `${file.replace(/\.md$/, '').replaceAll('/', '-')}-${line}`;
}

/** What the compiler says. It emits in any case. */
function tsc(project: string): Promise<string> {
  // What bin/tsc imports: a file without an ending cannot be run under the hooks that tap sets.
  const bin = new URL('lib/tsc.js', pathToPackage('typescript'));
  return new Promise((resolve) => {
    const args = [fileURLToPath(bin), '--project', project, '--pretty', 'false'];
    execFile(process.execPath, args, (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

function pathToPackage(name: string): URL {
  return new URL('./', `file://${createRequire(import.meta.url).resolve(`${name}/package.json`)}`);
}
