import { middleware, type Layer } from '../../src/index.ts';

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A heading, for what follows it. */
export function heading(text: string): void {
  print(`\n${text}`);
}

/** Prints what goes to the network, and what comes back. Placed innermost, it sees every attempt. */
export const wireLog: Layer = middleware(async function wireLog(request, next) {
  const { method, target, extensions } = request;
  const attempt = extensions.attempt === undefined ? '' : `, attempt ${extensions.attempt}`;
  try {
    const response = await next.send(request);
    print(`  network    ${method} ${target} → ${response.status}${attempt}`);
    return response;
  } catch (error) {
    print(`  network    ${method} ${target} → ${(error as { code?: string }).code}${attempt}`);
    throw error;
  }
});
