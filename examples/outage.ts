/**
 * What retries do to a server that fails for ten seconds, and what a budget and a circuit breaker do about it. 200 clients, in virtual time.
 *
 *     node build/examples/outage.js            prints a table
 *     node build/examples/outage.js plot.svg   and draws the load over time
 */
import { writeFileSync } from 'node:fs';
import { plotOf } from './outage/plot.ts';
import { OUTAGE, simulate, STRATEGIES, type Outcome } from './outage/simulation.ts';
import { tableOf } from './outage/table.ts';

const outcomes: Outcome[] = [];
for (const strategy of STRATEGIES) outcomes.push(await simulate(strategy, OUTAGE));
process.stdout.write(`${tableOf(outcomes)}\n`);

const [path] = process.argv.slice(2);
if (path !== undefined) writeFileSync(path, plotOf(outcomes, OUTAGE));
