import type { Row, Summary } from '../summary.ts';
import { figure } from './figures.ts';

const WIDTH = 720;
const LABELS = 190;
const FIGURES = 60;
const BAR = 16;
const STEP = 22;
const TITLE = 30;

/** Bars of how many times cheaper each peer is than the baseline, by workload. Colours suit light and dark pages. */
export function chart(summaries: readonly Summary[]): string {
  let y = 10;
  const parts = summaries.map((summary) => {
    const part = group(summary, y);
    y += TITLE + part.bars * STEP + 10;
    return part.svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img">
<style>text{font:13px system-ui,sans-serif;fill:#888}.title{font-weight:600}.own{fill:#2a9d8f}.other{fill:#8d99ae}</style>
${parts.join('\n')}
</svg>
`;
}

function group({ workload, rows }: Summary, top: number): { svg: string; bars: number } {
  const shown = rows.filter(isShown).sort((a, b) => b.ratio.median - a.ratio.median);
  const longest = Math.max(...shown.map(({ ratio }) => ratio.median));
  const bars = shown.map((row, i) => {
    const y = top + TITLE + i * STEP;
    const length = Math.round(((WIDTH - LABELS - FIGURES) * row.ratio.median) / longest);
    const kind = row.label.startsWith('strata') ? 'own' : 'other';
    return `<text x="${LABELS - 8}" y="${y + 12}" text-anchor="end">${row.label}</text>
<rect class="${kind}" x="${LABELS}" y="${y}" width="${length}" height="${BAR}" rx="2"/>
<text x="${LABELS + length + 6}" y="${y + 12}">×${figure(row.ratio.median)}</text>`;
  });
  const title = `<text class="title" x="0" y="${top + 14}">${escape(workload.title)} (× ${workload.baseline}, CPU; more is better)</text>`;
  return { svg: [title, ...bars].join('\n'), bars: shown.length };
}

function isShown(row: Row): boolean {
  return row.missing === null && Number.isFinite(row.ratio.median) && !row.label.includes('(');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
