import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../paths.ts';

/** Another commit's library, compiled in a work tree of its own outside this one. */
export interface BaseBuild {
  readonly commit: string;
  /** Of its main module, to be imported. */
  readonly url: string;
  remove(): void;
}

/** Checks a git ref out beside this tree and builds it with the packages installed here. */
export function buildRef(ref: string): BaseBuild {
  const commit = run('git', ['rev-parse', '--short', `${ref}^{commit}`]).trim();
  const folder = mkdtempSync(join(tmpdir(), 'strata-base-'));
  const tree = join(folder, 'tree');
  const remove = () => {
    run('git', ['worktree', 'remove', '--force', tree]);
    rmSync(folder, { recursive: true, force: true });
  };
  run('git', ['worktree', 'add', '--detach', tree, commit]);
  try {
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    compile(tree);
  } catch (error) {
    remove();
    throw error;
  }
  return { commit, url: pathToFileURL(mainModule(tree)).href, remove };
}

/** Types may have moved on in today's packages: what counts is that JavaScript comes out. */
function compile(tree: string): void {
  const { stdout } = spawnSync('npm', ['run', '-s', 'build'], { cwd: tree, encoding: 'utf8' });
  if (!existsSync(mainModule(tree))) throw new Error(`that commit does not compile: ${stdout}`);
}

function mainModule(tree: string): string {
  return join(tree, 'dist', 'index.js');
}

function run(command: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${(stderr + stdout).trim()}`);
  return stdout;
}
