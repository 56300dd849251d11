import {
  AuthMiddleware,
  ConnectionPool,
  OAuth2,
  RetryMiddleware,
  stack,
  Transport,
  type Request,
  type RequestInit,
  type Response,
} from '../../src/index.ts';
import { BreakerMiddleware } from '../../src/middleware/breaker.ts';
import { print, wireLog } from '../shared/wire-log.ts';

export interface Charge {
  readonly id: number;
  readonly amount: number;
}

/** A client of an API where nothing must be done twice. */
export class Payments extends Transport {
  readonly #base: string;
  readonly #transport: Transport;

  constructor(base: string, refreshToken: string) {
    super();
    this.#base = base.replace(/\/$/, '');
    this.#transport = stack(
      // Outermost: a call that comes back with 401 goes once more, with another token, attempts and all.
      AuthMiddleware.layer(
        new OAuth2({
          tokenUrl: `${this.#base}/token`,
          clientId: 'till',
          refreshToken,
          // Good for one use: whoever starts anew needs the last one.
          onToken: () => print('  oauth2     has a new token, and a refresh token to keep'),
        }),
      ),
      // Each call has a key of its own, and all of its attempts have the same one.
      RetryMiddleware.layer({ attempts: 5, idempotencyKey: true, backoff: { base: 20 } }),
      BreakerMiddleware.layer({
        window: 60_000,
        failureRate: 0.3,
        minimumRequests: 3,
        openFor: 200,
        onStateChange: ({ from, to }) => print(`  breaker    ${from} → ${to}`),
      }),
      wireLog,
      new ConnectionPool(),
    );
  }

  send(request: Request): Promise<Response> {
    return this.#transport.send(request);
  }

  override close(): Promise<void> {
    return this.#transport.close();
  }

  async charge(amount: number, init: RequestInit = {}): Promise<Charge> {
    const response = await this.request('POST', `${this.#base}/charges`, {
      ...init,
      json: { amount },
    });
    return response.raiseForStatus().json<Charge>();
  }
}
