import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What an example prints, in a process of its own; it fails where that does. */
export function outputOf(
  example: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = fileURLToPath(new URL(`../../examples/${example}.js`, import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        if (error === null && stderr === '') resolve(stdout);
        else reject(new Error(`${example} failed: ${stderr}`, { cause: error }));
      },
    );
  });
}

/** The lines below the heading that begins so. */
export function partBelow(output: string, heading: string): string {
  const part = output.split(/\n(?=\S)/).find((each) => each.trimStart().startsWith(heading));
  if (part === undefined) throw new Error(`there is no heading ${JSON.stringify(heading)}`);
  return part;
}
