import type { StoredInteraction } from './format.ts';
import { differences, type Rule } from './matching.ts';
import { requestFrom, type RecordedRequest } from './recorded-request.ts';
import type { Redaction } from './redaction.ts';

interface Track {
  readonly place: number;
  readonly request: RecordedRequest;
  readonly interaction: StoredInteraction;
  used: boolean;
}

/** What a cassette has, in its order: of several answers to the same request, the first that was not given yet is the next. */
export class Player {
  readonly #tracks: readonly Track[];
  readonly #rules: readonly Rule[];
  readonly #repeat: boolean;

  constructor(
    interactions: readonly StoredInteraction[],
    redaction: Redaction,
    rules: readonly Rule[],
    repeat: boolean,
  ) {
    this.#tracks = interactions.map((interaction, place) => ({
      place,
      request: requestFrom(interaction.request, redaction),
      interaction,
      used: false,
    }));
    this.#rules = rules;
    this.#repeat = repeat;
  }

  get size(): number {
    return this.#tracks.length;
  }

  /** The next answer to this request; null where there is none. */
  take(incoming: RecordedRequest): StoredInteraction | null {
    const same = this.#tracks.filter(
      ({ request }) => differences(this.#rules, incoming, request).parts.length === 0,
    );
    const next = same.find(({ used }) => !used) ?? (this.#repeat ? same.at(-1) : undefined);
    if (next === undefined) return null;
    next.used = true;
    return next.interaction;
  }

  /** For people: why there is none. It holds no values, which may be secrets. */
  whyNot(incoming: RecordedRequest): string {
    const [nearest] = this.#tracks
      .map((track) => ({ track, ...differences(this.#rules, incoming, track.request) }))
      .sort((a, b) => a.weight - b.weight);
    if (nearest === undefined) return 'it is empty';
    const { track, parts } = nearest;
    return parts.length === 0
      ? `the same request, ${named(track)}, has been replayed already; the option repeat gives its answer again`
      : `the nearest, ${named(track)}, differs in ${listed(parts)}`;
  }

  /** All that there is, or what was asked for so far. */
  interactions(which: 'all' | 'used'): StoredInteraction[] {
    return this.#tracks
      .filter(({ used }) => which === 'all' || used)
      .map(({ interaction }) => interaction);
  }

  /** `interactions[1] GET http://host/path`, of each that was not asked for. */
  get unused(): string[] {
    return this.#tracks.filter(({ used }) => !used).map(named);
  }
}

function named({ place, request }: Track): string {
  return `interactions[${place}] ${request.toString()}`;
}

function listed(parts: readonly string[]): string {
  return parts.length === 1
    ? (parts[0] as string)
    : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
