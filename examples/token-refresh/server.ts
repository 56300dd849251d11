import type { IncomingMessage, ServerResponse } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { Loopback, sendJSON } from '../shared/loopback.ts';

/** Tokens for refresh tokens that are good for one use, charges that are made once for each key, and some trouble on demand. */
export class PaymentServer {
  /** What was charged, each once. */
  readonly charges: { id: number; amount: number }[] = [];
  /** The refresh token to begin with. */
  refreshToken = 'refresh-0';
  #accessToken = '';
  #tokens = 0;
  #timeouts = 0;
  #refusals = 0;
  readonly #byKey = new Map<string, { id: number; amount: number }>();

  start(): Promise<Loopback> {
    return Loopback.start((request, response) => this.#answer(request, response));
  }

  /** The access token that was given out is good no more. */
  revoke(): void {
    this.#accessToken = '';
  }

  /** Makes the next charge, and then says that it took too long, as a gateway does. */
  timeOutOnce(): void {
    this.#timeouts = 1;
  }

  /** So many charges are answered with 503. */
  fail(times: number): void {
    this.#refusals = times;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    if (route === 'POST /token') await this.#sendToken(request, response);
    else if (route === 'POST /charges') await this.#charge(request, response);
    else sendJSON(response, 404, { error: 'not found' });
  }

  async #sendToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    if (form.get('refresh_token') !== this.refreshToken) {
      sendJSON(response, 400, { error: 'invalid_grant' });
      return;
    }
    const number = ++this.#tokens;
    this.#accessToken = `access-${number}`;
    this.refreshToken = `refresh-${number}`;
    sendJSON(response, 200, {
      access_token: this.#accessToken,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: this.refreshToken,
    });
  }

  async #charge(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization, 'idempotency-key': key } = request.headers;
    const { amount } = (await json(request)) as { amount: number };
    if (this.#accessToken === '' || authorization !== `Bearer ${this.#accessToken}`) {
      sendJSON(response, 401, { error: 'token' }, { 'www-authenticate': 'Bearer' });
      return;
    }
    if (this.#refusals > 0) {
      this.#refusals--;
      sendJSON(response, 503, { error: 'down' });
      return;
    }
    const charge = this.#byKey.get(String(key)) ?? { id: this.charges.length + 1, amount };
    if (!this.charges.includes(charge)) this.charges.push(charge);
    this.#byKey.set(String(key), charge);
    if (this.#timeouts-- > 0) sendJSON(response, 504, { error: 'too late' });
    else sendJSON(response, 201, charge);
  }
}
