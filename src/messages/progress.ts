import type { BodySource } from './body-source.ts';
import type { Content } from './content/content.ts';
import { PassingContent } from './content/passing.ts';
import { InspectedSource, type BodyEnd } from './passing-source.ts';

/** How far a body has come. Bytes are those on the wire: what is compressed counts as it is then. */
export interface Progress {
  readonly transferred: number;
  /** What there will be in all, where that is known. */
  readonly total?: number | undefined;
  /** Of the last two seconds. */
  readonly bytesPerSecond: number;
}

export type ProgressListener = (progress: Progress) => void;

/** Milliseconds between two calls: as often as eyes can follow. */
const INTERVAL = 100;
/** Milliseconds that the speed is taken of. */
const WINDOW = 2000;
/** Larger pieces are cut, so that there is a progress to be told. */
const MAX_PIECE = 64 * 1024;

/** Tells a listener how far it has come: at the beginning, at most every 100 ms, and at the end. What the listener throws comes through. */
export class Meter {
  readonly #listener: ProgressListener;
  readonly #total: number | undefined;
  /** When there was how much: what was told in the last two seconds, and one before. */
  readonly #marks: [at: number, transferred: number][] = [];

  constructor(listener: ProgressListener, total: number | undefined) {
    this.#listener = listener;
    this.#total = total;
  }

  begin(transferred: number, now: number = performance.now()): void {
    this.#tell(transferred, now);
  }

  moved(transferred: number, now: number = performance.now()): void {
    const last = this.#marks.at(-1);
    if (last === undefined || now - last[0] >= INTERVAL) this.#tell(transferred, now);
  }

  end(transferred: number, now: number = performance.now()): void {
    // It may have been told that just now.
    if (this.#marks.at(-1)?.[1] !== transferred) this.#tell(transferred, now);
  }

  #tell(transferred: number, now: number): void {
    const marks = this.#marks;
    marks.push([now, transferred]);
    while (marks.length > 2 && (marks[1] as [number, number])[0] <= now - WINDOW) marks.shift();
    const [at, before] = marks[0] as [number, number];
    const bytesPerSecond = now > at ? Math.round(((transferred - before) / (now - at)) * 1000) : 0;
    this.#listener({ transferred, total: this.#total, bytesPerSecond });
  }
}

/** A body that tells how much of it has been taken, by whatever transport. Sent again, it begins again. */
export class ReportedContent extends PassingContent {
  readonly #listener: ProgressListener;

  constructor(content: Content, listener: ProgressListener) {
    super(content);
    this.#listener = listener;
  }

  stream(): AsyncIterable<Uint8Array> {
    return reported(this.content.stream(), new Meter(this.#listener, this.contentLength));
  }
}

/** A piece has been taken when the next one is asked for. */
async function* reported(
  pieces: AsyncIterable<Uint8Array>,
  meter: Meter,
): AsyncGenerator<Uint8Array> {
  let transferred = 0;
  meter.begin(transferred);
  for await (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; at += MAX_PIECE) {
      const part = piece.subarray(at, at + MAX_PIECE);
      yield part;
      transferred += part.byteLength;
      meter.moved(transferred);
    }
  }
  meter.end(transferred);
}

/** The body of a response that tells how much of it has come over the wire, decoded here or not. */
export class ReportedSource extends InspectedSource {
  readonly #wire: BodySource;
  readonly #meter: Meter;

  constructor(source: BodySource, meter: Meter) {
    let wire = source;
    while (wire.inner !== undefined) wire = wire.inner;
    super(source, wire === source ? undefined : new ReportedSource(wire, meter));
    this.#wire = wire;
    this.#meter = meter;
  }

  override get bytesReceived(): number {
    return this.#wire.bytesReceived;
  }

  protected override passed(): void {
    this.#meter.moved(this.bytesReceived);
  }

  protected override ended({ how }: BodyEnd): void {
    if (how === 'whole') this.#meter.end(this.bytesReceived);
  }
}
