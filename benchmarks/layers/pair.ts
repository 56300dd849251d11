import type { Layer, TransportLike } from '../../src/index.ts';
import type { Strata } from '../strata/module.ts';
import { strata } from '../strata/shipped.ts';
import { usual } from './answers.ts';
import { memoryNetwork } from './memory-network.ts';
import { layers, type MeasuredLayer, type Mode } from './variants.ts';

/** One request, sent and read to its end. */
export type Send = () => Promise<void>;

/** The same requests through a pool alone, and through one with a layer around it. */
export type Pair =
  | { readonly kind: 'pair'; readonly bare: Send; readonly layered: Send }
  | { readonly kind: 'absent'; readonly reason: string };

const URLS = 1024;

export async function openPair(name: string, modeName: string): Promise<Pair> {
  const layer = layers.find((one) => one.name === name);
  const mode = layer?.modes[modeName];
  if (layer === undefined || mode === undefined) throw new Error(`unknown: ${name}, ${modeName}`);
  const made = await classOf(layer);
  if (made === null) return { kind: 'absent', reason: `there is no ${layer.class}` };
  const options = typeof mode.options === 'function' ? await mode.options(strata) : mode.options;
  return {
    kind: 'pair',
    bare: sender(strata, openPool(mode), mode),
    layered: sender(strata, strata.stack(made.layer(...(options ?? [])), openPool(mode)), mode),
  };
}

/** What each middleware inherits; each takes options of its own. */
interface LayerClass {
  layer(...options: readonly unknown[]): Layer;
}

/** The class as it ships; one that is not exported yet, as it was compiled beside these files. */
async function classOf({ class: name, module }: MeasuredLayer): Promise<LayerClass | null> {
  const shipped = (strata as Readonly<Record<string, unknown>>)[name];
  if (shipped !== undefined) return shipped as LayerClass;
  const url = new URL(`../../src/middleware/${module}.js`, import.meta.url).href;
  try {
    return ((await import(url)) as Record<string, LayerClass | undefined>)[name] ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

function openPool({ answer = usual }: Mode): TransportLike {
  return new strata.ConnectionPool({
    network: memoryNetwork(answer),
    limits: { maxConnections: 100, maxKeepaliveConnections: 100 },
  });
}

/** Requests are made anew each time, as a client makes them. */
function sender({ Request }: Strata, transport: TransportLike, mode: Mode): Send {
  const urls = Array.from({ length: URLS }, (_, i) => `http://127.0.0.1/200?page=${i}`);
  const [same = ''] = urls;
  let next = 0;
  return async () => {
    const url = mode.distinct === true ? (urls[next++ % URLS] ?? same) : same;
    const response = await transport.send(new Request('GET', url, mode.request));
    if (response.status >= 400 || !response.headers.has('content-length'))
      throw new Error(`an answer with ${response.status}`);
    await response.bytes();
  };
}
