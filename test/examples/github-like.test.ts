import t from 'tap';
import { linkTo } from '../../examples/github-like/links.ts';
import { ForgeServer } from '../../examples/github-like/server.ts';
import { assertNoLeaks } from '../support/leaks.ts';
import { outputOf, partBelow } from './program.ts';

assertNoLeaks(t);

t.test('the example shows what each layer does, on a server of its own', async (t) => {
  const output = await outputOf('github-like');

  const repository = partBelow(output, 'A repository');
  t.equal(repository.match(/network/g)?.length, 2, 'one of three is answered by the cache');
  t.match(repository, /cache +answered, fresh for \d+ s/);
  t.match(repository, 'GET /repos/strata/http → 304');
  t.match(repository, 'strata/http has 7 open issues');

  const issues = partBelow(output, 'Its issues');
  t.match(issues, 'page=2 → 503\n');
  t.match(issues, 'page=2 → 200, attempt 2\n');
  t.match(issues, 'page=3 → 200\n');
  t.match(issues, 'result     Crash on start, Typo, Slow, Add colours, Docs, Flaky test, Leak');

  const crowd = partBelow(output, 'Eight repositories');
  t.equal(crowd.match(/network/g)?.length, 8);
  t.match(crowd, /throttle +made it wait for \d+ ms/);

  t.match(partBelow(output, 'A new issue'), '#8 It works');
  t.match(partBelow(output, 'What is not there'), '404: Not Found');
});

t.test('it visits an API that it is given', async (t) => {
  await using server = await new ForgeServer().start();
  const output = await outputOf('github-like', [server.url, 'strata/http']);
  t.match(output, 'result     7 open issues');
  t.match(output, '#7 Leak');
});

t.test('the target of a link by its relation', (t) => {
  const link = '</a?page=1>; rel="prev", </a?page=3>; title=x; rel="next last"';
  t.equal(linkTo('next', link), '/a?page=3');
  t.equal(linkTo('last', link), '/a?page=3');
  t.equal(linkTo('prev', link), '/a?page=1');
  t.equal(linkTo('first', link), null);
  t.equal(linkTo('next', null), null);
  t.end();
});
