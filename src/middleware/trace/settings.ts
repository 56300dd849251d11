import type { SecretNames } from '../../messages/secret-fields.ts';
import { Redaction } from './redaction.ts';
import type { TracedExchange } from './traced-exchange.ts';

/** What is recorded of each exchange, and who is told. */
export interface TraceOptions {
  /**
   * Called with each exchange when it is over: its body has ended or was closed, or it failed. With `bodies`, when its body has been read. It
   * runs in a microtask of its own, and what it throws is an uncaught exception: it never gets in the way of a request.
   */
  readonly onExchange?: ((exchange: TracedExchange) => void) | undefined;
  /** How much of each body is kept, in bytes; the rest is left out. `Infinity`: all. Default 0: nothing. */
  readonly bodies?: number | undefined;
  /**
   * Header fields whose values are taken out of the record, by name or pattern, besides those that are called like credentials; false: nothing is
   * taken out, neither from headers nor from URLs. Bodies stay as they are. Default: none besides those.
   */
  readonly redact?: SecretNames | false | undefined;
}

/** The options by name, for those who check them. */
export const TRACE_OPTION_NAMES: readonly string[] = ['onExchange', 'bodies', 'redact'];

export interface TraceSettings {
  readonly onExchange: ((exchange: TracedExchange) => void) | null;
  readonly bodies: number;
  readonly redaction: Redaction;
}

const DEFAULTS: TraceSettings = { onExchange: null, bodies: 0, redaction: new Redaction([]) };

/** What a request or a client asks for, on top of what is set already; null: it is not traced. @throws TypeError on bad input. */
export function traceSettings(
  choice: TraceOptions | boolean | undefined,
  base: TraceSettings | null,
): TraceSettings | null {
  if (choice === undefined) return base;
  if (choice === false) return null;
  const defaults = base ?? DEFAULTS;
  if (choice === true) return defaults;
  if (typeof choice !== 'object' || choice === null)
    throw new TypeError(`trace: expected true, false or options, got ${String(choice)}`);
  const { onExchange, bodies, redact } = choice;
  return {
    onExchange: onExchange === undefined ? defaults.onExchange : listener(onExchange),
    bodies: bodies === undefined ? defaults.bodies : size(bodies),
    redaction: redact === undefined ? defaults.redaction : new Redaction(redact),
  };
}

function listener(onExchange: TraceSettings['onExchange']): TraceSettings['onExchange'] {
  if (typeof onExchange !== 'function') {
    throw new TypeError(`trace.onExchange: expected a function, got ${typeof onExchange}`);
  }
  return onExchange;
}

function size(bodies: number): number {
  if (typeof bodies !== 'number' || !(bodies >= 0))
    throw new TypeError(`trace.bodies: expected a number of bytes from 0, got ${String(bodies)}`);
  return bodies;
}
