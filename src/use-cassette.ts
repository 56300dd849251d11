import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkMode, type CassetteMode } from './cassette/mode.ts';
import { checkOptionNames } from './options.ts';
import { ConnectionPool } from './transports/connection-pool.ts';
import { REPLAY_OPTION_NAMES, ReplayTransport, type ReplayOptions } from './transports/replay.ts';
import { shared, type Transport } from './transport.ts';

/** The `t` of a test of tap. */
export interface TapTest {
  readonly name: string;
  readonly fullname?: string;
  teardown(action: () => Promise<void>): unknown;
  passing(): boolean;
}

/** The `t` of a test of `node:test`. */
export interface NodeTest {
  readonly name: string;
  readonly fullName?: string;
  readonly passed?: boolean;
  after(action: () => Promise<void>): unknown;
}

/** What a test of vitest is called with. */
export interface VitestContext {
  readonly task: {
    readonly name: string;
    readonly suite?: VitestSuite | undefined;
    readonly result?: { readonly state: string } | undefined;
  };
  onTestFinished(action: () => Promise<void>): unknown;
}

interface VitestSuite {
  readonly name: string;
  readonly suite?: VitestSuite | undefined;
}

/** What a test is told about itself by its runner. */
export type TestContext = TapTest | NodeTest | VitestContext;

/** As for `ReplayTransport`, but for what a test does not have to say. */
export interface UseCassetteOptions extends ReplayOptions {
  /** Default: what the environment variable `STRATA_CASSETTES` says, else `auto`. */
  mode?: CassetteMode | undefined;
  /** Default: a `ConnectionPool`. It is closed when the test has ended. */
  transport?: ReplayOptions['transport'];
  /** Default true: the test fails where it has not asked for all that is recorded. */
  strict?: boolean | undefined;
  /** Where the cassettes are. Default `cassettes/`, and in it the test file's name without its ending, beside the test file. */
  directory?: string | URL | undefined;
}

/**
 * A transport for one test, which records what the test sends when it first runs, and replays it from then on:
 *
 *     test('a user has a name', async (t) => {
 *       await using client = new Client({ transport: useCassette(t, import.meta.url) });
 *       …
 *     });
 *
 * The file is called after the test: `cassettes/users.test/a-user-has-a-name.json`, beside the test file; that of a second call in the same
 * test is `….2.json`. When the test has ended, its runner closes the cassette, and only then is anything written: nothing by a test that fails.
 * Where a request had no recorded answer, even if the code under test made nothing of that, or a recorded one was not asked for, the test fails.
 *
 * `t`: what the test is called with by tap, `node:test` or vitest. `testFile`: its `import.meta.url`.
 *
 * @throws TypeError on another `t`, and as `ReplayTransport` does.
 */
export function useCassette(
  t: TestContext,
  testFile: string | URL,
  options: UseCassetteOptions = {},
): Transport {
  checkOptionNames('useCassette', options, [...REPLAY_OPTION_NAMES, 'directory']);
  const { directory, ...replay } = options;
  const test = runOf(t);
  const place = (PLACES.get(t) ?? 0) + 1;
  const transport = new ReplayTransport(fileOf(test.name, place, testFile, directory), {
    ...replay,
    mode: replay.mode ?? modeInEnvironment(),
    transport: replay.transport ?? new ConnectionPool(),
    strict: replay.strict ?? true,
  });
  PLACES.set(t, place);
  test.atEnd(async () => {
    if (!test.passed()) transport.discard();
    await transport.close();
  });
  // A client that the test closes must not end the cassette: whether the test passes is not known by then.
  return shared(transport);
}

/** How many cassettes a test has: the second one is another file. */
const PLACES = new WeakMap<TestContext, number>();

/** A test, whoever runs it. */
interface TestRun {
  /** With the names of what it is part of. */
  readonly name: string;
  passed(): boolean;
  /** Done when its verdict is known; what it throws is part of that. */
  atEnd(action: () => Promise<void>): void;
}

function runOf(t: TestContext): TestRun {
  // tap has an `after` too.
  if (isTap(t)) {
    return {
      name: (t.fullname ?? t.name).replace(/^.*? > TAP(?: > |$)/s, '') || t.name,
      passed: () => t.passing(),
      atEnd: (action) => void t.teardown(action),
    };
  }
  if (isVitest(t)) {
    const { task } = t;
    const names = [task.name];
    for (let { suite } = task; suite !== undefined; suite = suite.suite) names.unshift(suite.name);
    return {
      name: names.filter((name) => name !== '').join(' > '),
      passed: () => task.result?.state !== 'fail',
      atEnd: (action) => void t.onTestFinished(action),
    };
  }
  if (isNode(t)) {
    return {
      name: t.fullName ?? t.name,
      passed: () => t.passed !== false,
      atEnd: (action) => void t.after(action),
    };
  }
  throw new TypeError(
    `useCassette: expected what a test of tap, node:test or vitest is called with, got ${t === null ? 'null' : typeof t}; with other runners, use a ReplayTransport`,
  );
}

function isTap(t: TestContext): t is TapTest {
  const { teardown, passing } = (t ?? {}) as Partial<TapTest>;
  return typeof teardown === 'function' && typeof passing === 'function';
}

function isVitest(t: TestContext): t is VitestContext {
  const { task, onTestFinished } = (t ?? {}) as Partial<VitestContext>;
  return typeof onTestFinished === 'function' && typeof task?.name === 'string';
}

function isNode(t: TestContext): t is NodeTest {
  const { name, after } = (t ?? {}) as Partial<NodeTest>;
  return typeof after === 'function' && typeof name === 'string';
}

/** The longest name of a file that is not cut, without its ending. */
const MAX_NAME = 80;

function fileOf(
  name: string,
  place: number,
  testFile: string | URL,
  directory: string | URL | undefined,
): URL {
  const file = urlOf('testFile', testFile);
  const home =
    directory === undefined
      ? new URL('cassettes/', file)
      : new URL(`${urlOf('directory', directory).href.replace(/\/$/, '')}/`);
  const own = basename(file.pathname, extname(file.pathname));
  const number = place === 1 ? '' : `.${place}`;
  return new URL(`${own}/${fileName(name)}${number}.json`, home);
}

function urlOf(what: string, path: string | URL): URL {
  if (path instanceof URL) return path;
  if (typeof path !== 'string' || path === '')
    throw new TypeError(`useCassette: ${what}: expected a URL or a path, got ${typeof path}`);
  return path.startsWith('file:') ? new URL(path) : pathToFileURL(path);
}

/** Words with `-` between them, `--` after that of a group. Where that does not say the whole name, a mark of it is added: no two tests share a file. */
function fileName(name: string): string {
  const words = name
    .split(' > ')
    .map((part) => part.replace(/[^\p{L}\p{N}_]+/gu, '-').replace(/^-|-$/g, ''))
    .join('--');
  const told = words.replaceAll('--', ' > ').replaceAll('-', ' ');
  return told === name && words.length <= MAX_NAME
    ? words
    : `${words.slice(0, MAX_NAME)}-${mark(name)}`;
}

/** FNV-1a, 32 bits. */
function mark(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(36).padStart(7, '0');
}

function modeInEnvironment(): CassetteMode {
  const mode = process.env['STRATA_CASSETTES'];
  return mode === undefined || mode === '' ? 'auto' : checkMode('STRATA_CASSETTES', mode);
}
