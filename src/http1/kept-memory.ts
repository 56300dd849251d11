/** Half of what V8 lets pile up outside of its heap before it looks for what can be freed. */
const BLOCK = 16 * 1024 * 1024;

let asked = false;

/**
 * Asks the C library to keep memory that is freed, up to 32 MiB of it.
 *
 * glibc returns what is free at the end of its heap to the system as soon as there are 128 KiB of it, and fetches it again, page by page
 * and zeroed, for the next bodies: with bodies of 64 KiB that takes longer than all else. It stops doing so once a larger block has been
 * freed, and keeps twice the size of that: so it adapts to programs (mallopt(3), M_TRIM_THRESHOLD). So a block is allocated here and dropped,
 * once. Nobody writes to it: no memory stands behind it. With another C library nothing comes of it.
 */
export function keepFreedMemory(): void {
  if (asked) return;
  asked = true;
  try {
    Buffer.allocUnsafeSlow(BLOCK);
  } catch {
    // Where so much cannot even be asked for, there is nothing to be kept.
  }
}
