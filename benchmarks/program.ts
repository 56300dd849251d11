import { spawn } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { pinned } from './machine/cores.ts';
import type { Origin } from './origin/start.ts';

export interface ProgramOptions {
  readonly flags: readonly string[];
  readonly core: number | undefined;
  /** What the program talks to, where it does. */
  readonly origin: Origin | null;
  readonly limitMs: number;
}

/**
 * Runs one of the programs here in a fresh Node: an order in JSON goes in, a line of JSON comes back. It goes in by
 * standard input: ten thousand origins are longer than an argument may be.
 */
export async function runProgram<Answer>(
  path: string,
  order: object,
  { flags, core, origin, limitMs }: ProgramOptions,
): Promise<Answer> {
  const words = [process.execPath, ...flags, path];
  const [command = '', ...parameters] = pinned(core, words);
  const child = spawn(command, parameters, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environment(origin?.certificate ?? null),
    timeout: limitMs,
  });
  child.stdin.on('error', () => {}); // it ended before it had read its order: how it ended says why
  child.stdin.end(JSON.stringify(order));
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
function environment(certificate: string | null): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(https?_proxy|all_proxy|no_proxy|node_.*)$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(certificate !== null && { NODE_EXTRA_CA_CERTS: certificate }),
  };
}

/** In such a program: what it is to do. */
export function order<Order>(): Order {
  return JSON.parse(readFileSync(0, 'utf8')) as Order;
}

/** In such a program: hands in what came of it, and ends. Connections are still open, and some clients cannot close theirs. */
export function answer(value: unknown): never {
  writeSync(1, `${JSON.stringify(value)}\n`);
  process.exit(0);
}
