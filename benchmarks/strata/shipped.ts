import { shipped } from '../paths.ts';
import type { Strata } from './module.ts';

/** The library as it was built last. */
export const strata: Strata = (await import(shipped)) as Strata;
