import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { expectTypeOf } from 'expect-type';
import t from 'tap';
import { Client } from '../src/client.ts';
import { useCassette, type TestContext } from '../src/use-cassette.ts';
import { assertNoLeaks } from './support/leaks.ts';
import { okServer } from './support/ok-server.ts';
import { StubTransport } from './support/stub-transport.ts';

assertNoLeaks(t);

/** A runner, and a file of tests for it: each test asks for what ASK says, and FAIL makes it fail. */
interface Runner {
  readonly name: string;
  readonly head: string;
  /** Around the bodies of two tests, the second in a group. */
  readonly tests: (body: string) => string;
  readonly argv: readonly string[];
}

const vitest = vitestProgram();

/** A package that is installed is loaded as it is: so are these sources. */
const VITEST_CONFIG = 'export default { test: { server: { deps: { external: [/.src./] } } } };';

const RUNNERS: readonly Runner[] = [
  {
    name: 'tap',
    head: `import t from ${JSON.stringify(import.meta.resolve('tap'))};`,
    tests: (body) =>
      `t.test('a user', async (t) => {${body}}); t.test('group', async (t) => { await t.test('GET /x', async (t) => {${body}}); });`,
    argv: ['users.test.mjs'],
  },
  {
    name: 'node:test',
    head: `import { describe, test } from 'node:test';`,
    tests: (body) =>
      `test('a user', async (t) => {${body}}); describe('group', () => { test('GET /x', async (t) => {${body}}); });`,
    argv: ['--test', 'users.test.mjs'],
  },
  {
    name: 'vitest',
    head: `import { describe, test } from 'vitest';`,
    tests: (body) =>
      `test('a user', async (t) => {${body}}); describe('group', () => { test('GET /x', async (t) => {${body}}); });`,
    argv: [vitest ?? '', 'run', '--root', '.'],
  },
];

const BODY = `
  const client = new Client({ transport: useCassette(t, import.meta.url) });
  for (const path of process.env.ASK.split(' ')) {
    // Code that makes the best of a failure must not hide a request that was not recorded.
    const response = await client.get(process.env.SERVER + path).catch(() => null);
    if (response !== null && response.status !== 200) throw new Error('a bad status');
  }
  await client.close();
  if (process.env.FAIL === '1') throw new Error('this test fails');
`;

for (const runner of RUNNERS) {
  const skip = runner.name === 'vitest' && vitest === null ? 'vitest is not installed' : false;
  t.test(`a test of ${runner.name} records once, and replays from then on`, { skip }, async (t) => {
    const dir = t.testdir({
      'users.test.mjs': fileFor(runner),
      'vitest.config.mjs': VITEST_CONFIG,
    });
    const cassettes = join(dir, 'cassettes/users.test');
    const server = await okServer();
    const run = (env: Record<string, string>): Promise<Ended> =>
      spawned(runner.argv, dir, { SERVER: server.url, ASK: '/1', ...env });

    const failed = await run({ FAIL: '1' });
    t.not(failed.code, 0);
    t.match(failed.output, 'this test fails');
    t.notOk(existsSync(cassettes), 'a test that fails writes nothing');

    const recorded = await run({});
    t.equal(recorded.code, 0, recorded.output);
    t.equal(server.connections, 4, 'two tests, each twice');
    t.match(readdirSync(cassettes).sort(), ['a-user.json', /^group--GET-x-\w{7}\.json$/]);
    const file = join(cassettes, 'a-user.json');
    const text = readFileSync(file, 'utf8');

    await server[Symbol.asyncDispose]();
    const replayed = await run({ CI: 'true' });
    t.equal(replayed.code, 0, replayed.output);

    const less = await run({ ASK: '/2' });
    t.not(less.code, 0);
    t.match(less.output, /not asked for: interactions\[0\] GET \S+\/1/);
    t.equal(readFileSync(file, 'utf8'), text);
  });
}

t.test('a test fails where a request has no answer, whatever is made of that', async (t) => {
  const [tap] = RUNNERS as [Runner];
  const dir = t.testdir({ 'users.test.mjs': fileFor(tap) });
  await using server = await okServer();
  const run = (env: Record<string, string>): Promise<Ended> =>
    spawned(tap.argv, dir, { SERVER: server.url, ...env });
  const refused = await run({ ASK: '/1', CI: 'true' });
  t.not(refused.code, 0);
  t.match(refused.output, "the mode 'auto' does not record");
  t.notOk(existsSync(join(dir, 'cassettes')));
  t.equal((await run({ ASK: '/1' })).code, 0);
  const more = await run({ ASK: '/1 /2' });
  t.not(more.code, 0);
  t.match(
    more.output,
    /no answer: GET \S+\/2; the nearest, interactions\[0\] GET \S+\/1, differs in path/,
  );
});

t.test('the environment can have cassettes made anew', async (t) => {
  const [tap] = RUNNERS as [Runner];
  const dir = t.testdir({ 'users.test.mjs': fileFor(tap) });
  await using server = await okServer();
  const asked = (): string[] =>
    Array.from(
      readFileSync(join(dir, 'cassettes/users.test/a-user.json'), 'utf8').matchAll(
        /"url": "\S+(\/\d)"/g,
      ),
      ([, path]) => path as string,
    );
  const run = (ASK: string, STRATA_CASSETTES: string): Promise<Ended> =>
    spawned(tap.argv, dir, { SERVER: server.url, ASK, STRATA_CASSETTES });
  t.equal((await run('/1 /2', 'record')).code, 0);
  t.strictSame(asked(), ['/1', '/2']);
  const { connections } = server;
  t.equal((await run('/2 /3', 'update')).code, 0);
  t.strictSame(asked(), ['/2', '/3']);
  t.equal(server.connections, connections + 2, '/2 was there');
  t.equal((await run('/1', 'record')).code, 0);
  t.strictSame(asked(), ['/1']);
  const slip = await run('/1', 'recrod');
  t.match(slip.output, 'STRATA_CASSETTES: expected auto, record, replay, update, got "recrod"');
});

t.test('within a test of this suite', async (t) => {
  const ci = process.env['CI'];
  delete process.env['CI'];
  t.teardown(() => {
    if (ci !== undefined) process.env['CI'] = ci;
  });
  const directory = join(t.testdir(), 'elsewhere');
  const network = new StubTransport();
  for (const round of [1, 2]) {
    await t.test('the same name', async (t) => {
      await using transport = useCassette(t, import.meta.url, { directory, transport: network });
      await using client = new Client({ transport });
      t.equal((await client.get('http://h/')).status, 200);
      t.match(client.toString(), round === 1 ? ': 1 recorded]' : ': 1 of 1 replayed]');
    });
  }
  t.equal(network.requests.length, 1);
  t.equal(network.closes, 2);
  const [folder] = readdirSync(directory);
  t.equal(folder, 'use-cassette.test');
  t.strictSame(readdirSync(join(directory, folder as string)), [
    'within-a-test-of-this-suite--the-same-name.json',
  ]);
});

t.test('a file is called after its test, and no two tests share one', async (t) => {
  const names = [
    'plain words',
    'plain-words',
    'plain > words',
    'Ünïcode 1_2',
    '../../../etc/passwd',
    '',
    `${'long '.repeat(40)}1`,
    `${'long '.repeat(40)}2`,
  ];
  const files = names.map((name) => {
    const ends: (() => Promise<void>)[] = [];
    const context = {
      name,
      passed: true,
      after: (action: () => Promise<void>) => ends.push(action),
    };
    const transport = useCassette(context, '/nowhere/x.test.ts', {
      transport: new StubTransport(),
    });
    return /^<ReplayTransport \[(.*): /.exec(inspect(transport))?.[1] as string;
  });
  t.equal(new Set(files).size, names.length);
  const home = dirname(fileURLToPath(pathToFileURL('/nowhere/cassettes/x.test/y')));
  t.strictSame([...new Set(files.map((file) => dirname(file)))], [home]);
  t.equal(files[0], join(home, 'plain-words.json'));
  t.equal(files[2], join(home, 'plain--words.json'));
  t.equal(files[3], join(home, 'Ünïcode-1_2.json'));

  const twice = { name: 'twice', passed: true, after: () => {} };
  for (const name of ['twice.json', 'twice.2.json']) {
    const transport = useCassette(twice, '/nowhere/x.test.ts', { transport: new StubTransport() });
    t.match(inspect(transport), join(home, name), 'each cassette of one test is a file');
  }
});

t.test('what tests of vitest and node:test are called with', async () => {
  expectTypeOf<import('vitest').TestContext>().toExtend<TestContext>();
  expectTypeOf<import('node:test').TestContext>().toExtend<TestContext>();
});

t.test('another kind of test is refused', async (t) => {
  for (const other of [null, undefined, {}, { name: 'x' }, 'x']) {
    t.throws(() => useCassette(other as unknown as TestContext, import.meta.url), {
      name: 'TypeError',
      message:
        /^useCassette: expected what a test of tap, node:test or vitest is called with, got /,
    });
  }
  t.throws(() => useCassette(t, ''), { message: /testFile: expected a URL or a path, got string/ });
  t.throws(() => useCassette(t, import.meta.url, { dir: 'x' } as object), {
    message: /useCassette: there is no option "dir"/,
  });
});

interface Ended {
  readonly code: number;
  readonly output: string;
}

function fileFor({ head, tests }: Runner): string {
  const from = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  return [
    head,
    `import { Client } from ${from('../src/client.js')};`,
    `import { useCassette } from ${from('../src/use-cassette.js')};`,
    tests(BODY),
    '',
  ].join('\n');
}

function vitestProgram(): string | null {
  try {
    const manifest = fileURLToPath(import.meta.resolve('vitest/package.json'));
    return join(dirname(manifest), 'vitest.mjs');
  } catch {
    return null;
  }
}

/** Neither the runner of this suite nor the place where it runs is to be seen. */
function spawned(
  argv: readonly string[],
  cwd: string,
  settings: Record<string, string>,
): Promise<Ended> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(TAP|NODE_|VITEST|STRATA_|_TAP)|^CI$|^GITHUB_ACTIONS$/.test(name),
  );
  const env = { ...Object.fromEntries(kept), NO_COLOR: '1', ...settings };
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: stdout + stderr });
    });
  });
}
