import type { Measurement, Setting } from './measurement.ts';
import type { Workload } from './workload.ts';

/** Runs a workload by its shape. Only that shape's module is loaded: a cold start must find the process empty. */
export async function measure(workload: Workload, setting: Setting): Promise<Measurement> {
  switch (workload.shape) {
    case 'closed-loop':
      return (await import('./closed-loop.ts')).measure(workload, setting);
    case 'open-loop':
      return (await import('./open-loop.ts')).measure(workload, setting);
    case 'burst':
      return (await import('./burst.ts')).measure(workload, setting);
    case 'transfer':
      return (await import('./transfer.ts')).measure(workload, setting);
    case 'cold-start':
      return (await import('./cold-start.ts')).measure(workload, setting);
    case 'memory':
      return (await import('./memory.ts')).measure(workload, setting);
  }
}
