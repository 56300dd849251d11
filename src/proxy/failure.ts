/** The proxy could not be reached, or did not do what it was asked for: `ProxyError`, once it is known for which request. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  /** What it answered; undefined where no answer came. */
  readonly status: number | undefined;

  constructor(message: string, { cause, status }: { cause?: unknown; status?: number } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}
