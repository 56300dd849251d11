import type { Content } from './content.ts';

/**
 * A body on its way through a layer that leaves its bytes as they are: it says of itself what it said before, but is never taken as a whole,
 * even where it is in memory.
 */
export abstract class PassingContent implements Content {
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly contentEncoding: string | undefined;
  readonly filename: string | undefined;
  readonly replayable: boolean;
  readonly trailers?: () => Iterable<readonly [name: string, value: string]>;
  protected readonly content: Content;

  constructor(content: Content) {
    this.contentType = content.contentType;
    this.contentLength = content.contentLength;
    this.contentEncoding = content.contentEncoding;
    this.filename = content.filename;
    this.replayable = content.replayable;
    if (content.trailers !== undefined) this.trailers = content.trailers.bind(content);
    this.content = content;
  }

  abstract stream(): AsyncIterable<Uint8Array>;

  discard(): void {
    this.content.discard?.();
  }
}
