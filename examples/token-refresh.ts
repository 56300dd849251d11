/**
 * A client of an API where nothing must be done twice: OAuth 2.0 with refresh tokens, idempotency keys, a circuit breaker.
 *
 *     node build/examples/token-refresh.js                       against a server of its own
 *     REFRESH_TOKEN=… node build/examples/token-refresh.js URL   against one that has /token and /charges
 */
import { BreakerOpenError } from '../src/middleware/breaker.ts';
import { heading, print } from './shared/wire-log.ts';
import { Payments } from './token-refresh/payments.ts';
import { PaymentServer } from './token-refresh/server.ts';

async function tour(): Promise<void> {
  const bank = new PaymentServer();
  await using server = await bank.start();
  await using payments = new Payments(server.url, bank.refreshToken);
  const charge = async (amount: number): Promise<void> => {
    const { id } = await payments.charge(amount);
    print(`  result     charge ${id}: ${amount}`);
  };

  heading('The first charge: there is no token yet');
  await charge(10);

  heading('Two at once with a token that was revoked: one asks for another');
  bank.revoke();
  await Promise.all([charge(20), charge(30)]);

  heading('A gateway gives up, though the charge was made: the same key goes again');
  bank.timeOutOnce();
  await charge(40);

  heading('It is down for three requests: the circuit opens, and the retry waits');
  bank.fail(3);
  await charge(50);

  heading('Who does not want to wait is refused at once');
  bank.fail(3);
  for (let i = 0; i < 4; i++) {
    try {
      await payments.charge(60, { retry: false });
    } catch (error) {
      if (error instanceof BreakerOpenError) print(`  result     ${error.code}, nothing was sent`);
    }
  }

  const total = bank.charges.reduce((sum, { amount }) => sum + amount, 0);
  heading(`${bank.charges.length} charges were made, ${total} in all.`);
}

async function visit(url: string, refreshToken: string): Promise<void> {
  await using payments = new Payments(url, refreshToken);
  heading('A charge');
  const { id, amount } = await payments.charge(10);
  print(`  result     charge ${id}: ${amount}`);
}

const [url] = process.argv.slice(2);
await (url === undefined ? tour() : visit(url, process.env['REFRESH_TOKEN'] ?? ''));
