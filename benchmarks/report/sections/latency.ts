import type { LatencyResult } from '../../latency/result.ts';
import { latencyTable } from '../../latency/table.ts';
import type { Saved } from '../../results.ts';
import { measuredOn } from './machine.ts';

export function latencySection({ environment, content }: Saved<readonly LatencyResult[]>): string {
  return [
    measuredOn(environment),
    ...content.map((result) => `**${result.title}**\n\n${latencyTable(result)}`),
  ].join('\n\n');
}
