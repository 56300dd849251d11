import { withoutBodyFields } from '../messages/body-fields.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /**
     * Called with the request each time it is about to go inward, be it for a redirect or a try: what it returns goes. Set by a flow whose
     * credentials are for one URL, or one use.
     */
    reauthorize?: ((request: Request) => Promise<Request>) | null | undefined;
  }
}

/**
 * Where the request of a flow has got to: redirects are followed further in, so the response may be to another request than was sent.
 * A challenge is answered where it was made, and only at the origin that the credentials are for.
 */
export class Journey {
  readonly #given: Request;
  readonly #sign: (hop: Request) => Promise<Request>;
  #current: Request;
  #sent: Request;
  #left = false;
  /** Whether it was seen to pass; else, where it got to is read off the response. */
  #seen = false;
  #strayed = false;

  /** `sign` gives a request that goes within the origin once more, for a redirect or a try, an Authorization of its own. */
  constructor(given: Request, sign: (hop: Request) => Promise<Request> = async (hop) => hop) {
    this.#given = given;
    this.#sign = sign;
    this.#current = given;
    this.#sent = given;
  }

  /** The request that went inward last, as it was here: what a challenge is about. */
  get current(): Request {
    return this.#current;
  }

  /** A redirect has led to another origin: no credentials go anywhere any more, be it back. */
  get left(): boolean {
    return this.#left;
  }

  /** A redirect within the origin was followed with an Authorization that is for another URL. */
  get strayed(): boolean {
    return this.#strayed;
  }

  /** The request, ready to be yielded. */
  send(request: Request): Request {
    this.#seen = false;
    this.#strayed = false;
    this.#current = request;
    this.#sent = request.with({ reauthorize: (each) => this.#pass(each) });
    return this.#sent;
  }

  /** Where the response came from. To be called with each response that the flow gets, before anything else. */
  arrived(response: Response): void {
    if (response.history.some((each) => this.#isForeign(each)) || this.#isForeign(response)) {
      this.#left = true;
    } else if (!this.#seen && response.hasRequest && response.history.length > 0) {
      this.#current = movedTo(this.#sent, response.request);
      this.#strayed = this.#current !== this.#sent;
    }
  }

  /** Whether the response is of the origin that the credentials are for. */
  isOwn(response: Response): boolean {
    return !this.#left && !this.#isForeign(response);
  }

  /** Whether the response is a challenge that may be answered. */
  challenges(response: Response): boolean {
    return response.status === 401 && this.isOwn(response);
  }

  #isForeign(response: Response): boolean {
    return response.hasRequest && response.request.origin !== this.#given.origin;
  }

  /** Where the request passes on its way to the network: the first time as it was sent, then for each redirect and each try. */
  async #pass(request: Request): Promise<Request> {
    const first = !this.#seen;
    this.#seen = true;
    if (request.origin !== this.#given.origin) this.#left = true;
    if (this.#left) return request;
    this.#current = movedTo(this.#sent, request);
    return first ? request : this.#sign(request);
  }
}

/**
 * The request that redirects within the origin have made of the one that was sent. Not the one of the response itself: that has what
 * the layers further in have added, such as cookies.
 */
function movedTo(sent: Request, { destination, method, content }: Request): Request {
  if (destination.href === sent.destination.href && method === sent.method) return sent;
  if (content !== null || sent.content === null) return sent.with({ url: destination, method });
  const headers = withoutBodyFields(sent.headers);
  return sent.with({ url: destination, method, headers, body: null });
}
