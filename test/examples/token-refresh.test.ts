import t from 'tap';
import { PaymentServer } from '../../examples/token-refresh/server.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { outputOf, partBelow } from './program.ts';

assertNoLeaks(t);

t.test('the example shows what each layer does, on a server of its own', async (t) => {
  const output = await outputOf('token-refresh');

  t.match(partBelow(output, 'The first charge'), 'POST /token → 200');

  const revoked = partBelow(output, 'Two at once');
  t.equal(revoked.match(/→ 401/g)?.length, 2);
  t.equal(
    revoked.match(/POST \/token/g)?.length,
    1,
    'one asks for a token, the other waits for it',
  );
  t.equal(revoked.match(/result/g)?.length, 2);

  const gateway = partBelow(output, 'A gateway');
  t.match(gateway, 'POST /charges → 504\n');
  t.match(gateway, 'POST /charges → 201, attempt 2\n');

  const down = partBelow(output, 'It is down');
  t.match(
    down.replace(/^ +network.*\n/gm, ''),
    /closed → open\n.*open → half-open\n.*half-open → closed\n.*result +charge 5: 50/,
  );
  t.equal(down.match(/→ 503/g)?.length, 3);

  t.match(partBelow(output, 'Who does not want'), 'ERR_BREAKER_OPEN, nothing was sent');
  t.match(output, '5 charges were made, 150 in all.', 'each of them once');
});

t.test('it visits an API that it is given', async (t) => {
  const bank = new PaymentServer();
  await using server = await bank.start();
  const output = await outputOf('token-refresh', [server.url], {
    REFRESH_TOKEN: bank.refreshToken,
  });
  t.match(output, 'result     charge 1: 10');
  t.strictSame(bank.charges, [{ id: 1, amount: 10 }]);
});
