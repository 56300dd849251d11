import { figure } from '../report/figures.ts';
import type { LatencyResult } from './result.ts';

export function latencyTable({ rows }: LatencyResult): string {
  const lines = rows.map(({ peer, p50, p90, p99, p999, max, doubts }) =>
    [peer, ...[p50, p90, p99, p999, max].map(figure), doubts.join(', ')].join(' | '),
  );
  return [
    '| µs | p50 | p90 | p99 | p99.9 | max | |',
    '| --- | --: | --: | --: | --: | --: | --- |',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}
