import { DiskStore } from '../../../src/middleware/cache.ts';
import { put } from './store-contract.ts';

/** A process that writes one entry over and over, until it is killed. */
const [, , directory = '', letter = ''] = process.argv;
process.on('disconnect', () => process.exit());
const store = new DiskStore(directory);
for (let n = 0; ; n++) {
  await put(store, 'http://h.test/', `${letter}${n}`, letter.repeat(45_000), letter.repeat(45_000));
  if (n === 0) process.send?.('writing');
}
