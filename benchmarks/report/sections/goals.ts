import { goals } from '../../goals.ts';
import type { Saved } from '../../results.ts';
import type { Summary } from '../../summary.ts';
import { isFailure, judge, noiseLine, verdictLines } from '../../verdicts.ts';
import { figure } from '../figures.ts';
import { markdownTable } from '../markdown.ts';
import { measuredOn } from './machine.ts';

/** Every goal beside what was measured, and how far the limit itself would reach. */
export function goalsSection({ environment, content }: Saved<readonly Summary[]>): string {
  const verdicts = judge(goals, content);
  const reached = verdicts.filter(({ reached }) => (reached ?? 0) >= 1).length;
  const missed = verdicts.filter(isFailure).length;
  return `${measuredOn(environment)} ${noiseLine(content)}

Reached: ${reached} of ${verdicts.length}; missed by more than a fifth: ${missed}.

${verdictLines(verdicts)}

${limits(content)}`;
}

/** What a client without a cost of its own would come out at: the raw socket loop, which parses nothing and promises nothing. */
function limits(summaries: readonly Summary[]): string {
  const lines = summaries.flatMap(({ workload, rows }) => {
    const costOf = (peer: string) => rows.find(({ label }) => label === peer)?.cost.median;
    const limit = costOf('raw-socket');
    const pool = costOf('strata-pool');
    const undici = costOf('undici-request');
    if (limit === undefined || pool === undefined || undici === undefined) return [];
    const ratio = (cost: number) => `${figure(cost)} · ×${figure(undici / cost)}`;
    return [[workload.title, ratio(limit), ratio(pool), figure(undici)]];
  });
  return lines.length === 0
    ? ''
    : markdownTable(['', 'limit: raw socket', 'strata-pool', 'undici-request'], lines);
}
