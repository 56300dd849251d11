/**
 * A client of an API like GitHub's: typed methods, pages by `Link`, a cache, a rate limit, retries.
 *
 *     node build/examples/github-like.js               against a server of its own
 *     node build/examples/github-like.js URL [NAME]    against an API like it, such as https://api.github.com
 */
import { isStatusError } from '../src/index.ts';
import { Forge } from './github-like/forge.ts';
import { ForgeServer } from './github-like/server.ts';
import { heading, print } from './shared/wire-log.ts';

async function tour(): Promise<void> {
  await using server = await new ForgeServer().start();
  await using forge = new Forge(server.url);

  heading('A repository, three times');
  await forge.repository('strata/http');
  await forge.repository('strata/http');
  const { full_name, open_issues_count } = await forge.repository('strata/http', {
    cache: 'no-cache',
  });
  print(`  result     ${full_name} has ${open_issues_count} open issues`);

  heading('Its issues, page by page');
  const titles: string[] = [];
  for await (const { title } of forge.issues('strata/http')) titles.push(title);
  print(`  result     ${titles.join(', ')}`);

  heading('Eight repositories at once');
  const names = Array.from({ length: 8 }, (_, place) => `strata/part${place + 1}`);
  const found = await Promise.all(names.map((name) => forge.repository(name)));
  print(`  result     ${found.length} repositories`);

  heading('A new issue');
  const issue = await forge.createIssue('strata/http', 'It works');
  print(`  result     #${issue.number} ${issue.title}`);

  heading('What is not there');
  try {
    await forge.repository('other/http');
  } catch (error) {
    if (!isStatusError(error)) throw error;
    const { message } = await error.response.json<{ message: string }>();
    print(`  result     ${error.status}: ${message}`);
  }
}

async function visit(url: string, name: string): Promise<void> {
  await using forge = new Forge(url);
  heading(name);
  const { open_issues_count } = await forge.repository(name);
  print(`  result     ${open_issues_count} open issues`);
  let left = 40;
  for await (const { number, title } of forge.issues(name)) {
    print(`  result     #${number} ${title}`);
    if (--left === 0) break;
  }
}

const [url, name = 'nodejs/undici'] = process.argv.slice(2);
await (url === undefined ? tour() : visit(url, name));
