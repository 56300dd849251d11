import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LatencyResult } from './latency/result.ts';
import type { LayerResult } from './layers/measure.ts';
import { root } from './paths.ts';
import { chart } from './report/chart.ts';
import { markedParts, withPart } from './report/marks.ts';
import { goalsSection } from './report/sections/goals.ts';
import { latencySection } from './report/sections/latency.ts';
import { layersSection } from './report/sections/layers.ts';
import { memorySection } from './report/sections/memory.ts';
import { scalePlots, scaleSection } from './report/sections/scale.ts';
import { summarySection } from './report/sections/summary.ts';
import { load, type Saved } from './results.ts';
import { loadSummaries } from './saved-summaries.ts';
import type { CurveResult } from './scale/curve.ts';

/** `npm run bench:report`: writes what was saved of the measurements into the documents, and draws it. */

const DOCUMENTS = [join('docs', 'performance.md'), 'README.md'];

/** What the picture of the README shows. */
const PICTURED = ['get200-c50', 'get200-headers-c50', 'json-c50'];

const summaries = loadSummaries();
const scale = load<readonly CurveResult[]>('scale');

/** Every part by its name; null where nothing has been measured for it: it stays as it is then. */
const parts: Readonly<Record<string, string | null>> = {
  summary: written(summaries, summarySection),
  goals: written(summaries, goalsSection),
  memory: written(summaries, memorySection),
  scale: written(scale, scaleSection),
  latency: written(load<readonly LatencyResult[]>('latency'), latencySection),
  layers: written(load<readonly LayerResult[]>('layers'), layersSection),
};

function written<Content>(
  saved: Saved<Content> | null,
  section: (saved: Saved<Content>) => string,
): string | null {
  return saved === null ? null : section(saved);
}

function fill(document: string): void {
  const path = join(root, document);
  if (!existsSync(path)) return;
  let text = readFileSync(path, 'utf8');
  for (const name of markedParts(text)) {
    const content = parts[name];
    if (content === undefined) throw new Error(`${document}: there is no part ${name}`);
    if (content === null) console.log(`${document}: ${name} has not been measured`);
    else text = withPart(text, name, content);
  }
  writeFileSync(path, text);
}

function draw(): void {
  const pictured = summaries?.content.filter(({ workload }) => PICTURED.includes(workload.name));
  if (pictured !== undefined && pictured.length > 0)
    writeFileSync(join(root, 'docs', 'benchmarks.svg'), chart(pictured));
  for (const [file, svg] of scalePlots(scale?.content ?? []))
    writeFileSync(join(root, 'docs', file), svg);
}

draw();
for (const document of DOCUMENTS) fill(document);
