import { CassetteFile } from '../cassette/file.ts';
import { Recorder } from '../cassette/recorder.ts';
import { recordingOf, type Recording, type RecordOptions } from '../cassette/recording.ts';
import { ClosedError } from '../errors.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware, type TransportLike } from '../transport.ts';

export type { RecordOptions };

/**
 * Records all that passes in a cassette, which `ReplayTransport` replays. The file is written, as a whole, by `close()`, once what is under way
 * has ended; without that nothing is.
 *
 *     const client = new Client({ networkMiddleware: [RecordMiddleware.layer('session.json')] });
 *
 * Place it innermost: there it sees each attempt, each redirect, and what a cache asks for. Bodies pass piece by piece, as they are read; a
 * copy is kept in memory until the end.
 */
export class RecordMiddleware extends Middleware {
  readonly #file: CassetteFile;
  readonly #recording: Recording;
  readonly #recorder: Recorder;
  #closed: Promise<void> | null = null;

  /** `path`: relative to the working directory, or a `file:` URL. @throws TypeError on an option that is not what it has to be. */
  constructor(next: TransportLike, path: string | URL, options: RecordOptions = {}) {
    super(next);
    this.#recording = recordingOf('RecordMiddleware', options);
    this.#file = new CassetteFile(path);
    this.#recorder = new Recorder(this.#recording);
  }

  send(request: Request): Promise<Response> {
    if (this.#closed !== null)
      return Promise.reject(new ClosedError(`${request.toString()}: the recording is closed`));
    try {
      if (this.#recording.passThrough(request)) return this.next.send(request);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#recorder.send(request, this.next);
  }

  /** Nothing of what has passed so far is written. */
  discard(): void {
    this.#recorder.discard();
  }

  /** Closes what it wraps, and writes the file. @throws what writing fails with. */
  override close(): Promise<void> {
    return (this.#closed ??= this.#end());
  }

  override toString(): string {
    return super
      .toString()
      .replace('RecordMiddleware', `RecordMiddleware [${this.#file.path}: ${this.#recorder.size}]`);
  }

  async #end(): Promise<void> {
    try {
      await this.next.close();
    } finally {
      if (this.#recorder.size > 0) await this.#file.write(await this.#recorder.interactions());
    }
  }
}
