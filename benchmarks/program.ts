import { spawn } from 'node:child_process';
import { pinned } from './machine/cores.ts';
import type { Origin } from './origin/start.ts';

export interface ProgramOptions {
  readonly flags: readonly string[];
  readonly core: number | undefined;
  readonly origin: Origin;
  readonly limitMs: number;
}

/** Runs one of the programs here in a fresh Node: an order in JSON goes in, a line of JSON comes back. */
export async function runProgram<Answer>(
  path: string,
  order: object,
  { flags, core, origin, limitMs }: ProgramOptions,
): Promise<Answer> {
  const words = [process.execPath, ...flags, path, JSON.stringify(order)];
  const [command = '', ...parameters] = pinned(core, words);
  const child = spawn(command, parameters, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(origin),
    timeout: limitMs,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const end = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? String(code)));
  });
  const answer = output.trimEnd().split('\n').at(-1) ?? '';
  if (end !== '0') throw new Error(`the process ended with ${end}: ${errors.slice(-2000)}`);
  return JSON.parse(answer) as Answer;
}

/** This process's environment without what would send requests elsewhere or change Node. */
function environment({ certificate }: Origin): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(https?_proxy|all_proxy|no_proxy|node_.*)$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(certificate !== null && { NODE_EXTRA_CA_CERTS: certificate }),
  };
}
