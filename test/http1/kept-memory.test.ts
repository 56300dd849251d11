import t from 'tap';
import { keepFreedMemory } from '../../src/http1/kept-memory.ts';

t.test('the block is allocated once, and nobody holds on to it', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  keepFreedMemory();
  const after = process.memoryUsage().arrayBuffers;
  t.ok(after - before >= 16 * 1024 * 1024, `${after - before} bytes`);
  keepFreedMemory();
  t.ok(process.memoryUsage().arrayBuffers - after < 1024 * 1024, 'once');
});
