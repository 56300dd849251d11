import type { Environment } from '../../results.ts';

/** Where the figures of a part come from. */
export function measuredOn({ date, node, cpu, cores, platform }: Environment): string {
  return `Measured on ${date.slice(0, 10)} with Node ${node.slice(1)}, ${platform}, ${cores} cores: ${cpu}.`;
}
