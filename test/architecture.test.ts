import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import t from 'tap';

/** What the files of one room may import. A room is a file of src/ or the folder of that name. */
interface Room {
  /** Rooms it may import. '*' is every room; nobody imports index. */
  may?: readonly string[] | '*';
  /** Rooms of which it may import types alone. */
  types?: readonly string[];
  /** Each of its entries is a room of its own: they do not know one another. */
  apart?: true;
  /** Runs where there is no Node: `node:` modules only as types or by `import()`. */
  neutral?: true;
  /** npm packages it may import; left out: any dependency in package.json. */
  packages?: readonly string[];
}

/*
 * The rules, from the ground up. Imports point down this table, never up and never across.
 * A file that no row covers fails: give it a row, or put it in a room that has one.
 */
const ROOMS: Readonly<Record<string, Room>> = {
  // What knows nothing of HTTP.
  version: { neutral: true, packages: [] },
  options: { neutral: true, packages: [] },
  alarm: { packages: [] },
  /** A token bucket: how much may be done again. */
  budget: { neutral: true, packages: [] },

  errors: { types: ['messages'], neutral: true, packages: [] },
  messages: { may: ['errors'], neutral: true, packages: ['mime-types'] },
  /** Which layers must not stand outside of which others, by what they are about. */
  'stack-order': { neutral: true, packages: [] },
  transport: { may: ['stack-order', 'messages', 'errors'], neutral: true, packages: [] },

  // Layers know what they wrap only as a Transport.
  auth: { may: ['options', 'transport', 'messages', 'errors'], neutral: true },
  middleware: {
    may: ['budget', 'transport', 'messages', 'errors'],
    neutral: true,
    apart: true,
  },
  // The one layer with a family of its own: it drives the schemes in auth/.
  'middleware/auth': { may: ['auth', 'transport', 'messages', 'errors'], neutral: true },

  // The protocols are handed a byte stream; they do not open one.
  network: { may: ['errors', 'options'] },
  'exchange-timeline': { may: ['messages'], packages: [] },
  exchange: { may: ['exchange-timeline', 'alarm', 'messages', 'errors'] },
  http1: { may: ['exchange', 'alarm', 'messages', 'errors'], types: ['network'] },
  http2: { may: ['exchange', 'alarm', 'messages', 'errors'], types: ['network'] },
  proxy: {
    may: ['auth', 'http1', 'network', 'exchange', 'alarm', 'options', 'messages', 'errors'],
  },
  pool: {
    may: [
      'proxy',
      'http1',
      'http2',
      'network',
      'exchange',
      'exchange-timeline',
      'alarm',
      'transport',
      'messages',
      'errors',
    ],
  },
  transports: {
    may: [
      'exchange-timeline',
      'pool',
      'proxy',
      'http1',
      'network',
      'exchange',
      'alarm',
      'options',
      'transports/foreign',
      'transport',
      'messages',
      'errors',
    ],
    apart: true,
  },
  // What the transports have in common that are built on code of others: a fetch, a dispatcher, an app, a test's answers.
  'transports/foreign': { may: ['alarm', 'messages', 'errors'], neutral: true, packages: [] },

  // The files of what was sent and what came: the layer that records and the transport that replays share them.
  cassette: {
    may: ['options', 'transport', 'messages', 'errors'],
    neutral: true,
    packages: [],
  },
  'middleware/record': {
    may: ['cassette', 'transport', 'messages', 'errors'],
    neutral: true,
  },
  'transports/replay': {
    may: ['cassette', 'transports/foreign', 'transport', 'messages', 'errors'],
    neutral: true,
    packages: [],
  },
  // A transport for a test, from what its runner says about it.
  'use-cassette': { may: ['cassette', 'options', 'transports', 'transport'], packages: [] },
  // What has been recorded of a call, for people and for other programs.
  observe: {
    may: ['version', 'messages', 'errors'],
    types: ['middleware', 'transport'],
    neutral: true,
  },

  'request-cookies': { types: ['messages'], neutral: true, packages: ['tough-cookie'] },
  'client-options': {
    may: ['request-cookies', 'options', 'middleware', 'transports'],
    types: ['auth', 'transport', 'messages'],
  },
  'base-url': { may: ['messages', 'errors'], neutral: true, packages: [] },
  client: {
    may: [
      'client-options',
      'request-cookies',
      'base-url',
      'options',
      'version',
      'proxy',
      'middleware',
      'auth',
      'transports',
      'pool',
      'http1',
      'http2',
      'network',
      'transport',
      'messages',
      'errors',
    ],
  },
  'one-off': { may: ['client', 'transports', 'messages'] },
  adapters: { may: ['client', 'transport', 'messages', 'errors'] },
  cli: { may: '*' },
  testing: { may: ['use-cassette', 'transports', 'middleware', 'cassette'] },
  index: { may: '*' },
};

/** A file with more lines than this is two rooms. */
const MAX_LINES = 450;

/** Names that say nothing about what is inside. */
const NAMELESS = /(^|\/)(utils?|helpers?)(\.ts$|\/)/;

/** Path below src/ → text. */
type Sources = ReadonlyMap<string, string>;

interface Import {
  specifier: string;
  /** `type` is gone when compiled, `lazy` happens at the call of `import()`. */
  kind: 'value' | 'type' | 'lazy';
}

// This file runs as build/test/architecture.test.js.
const root = new URL('../../', import.meta.url);

function readSources(): Sources {
  const src = new URL('src/', root);
  return new Map(
    readdirSync(src, { recursive: true, encoding: 'utf8' })
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => path.endsWith('.ts'))
      .sort()
      .map((path) => [path, readFileSync(new URL(path, src), 'utf8')]),
  );
}

function readDependencies(): string[] {
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    dependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
  };
  return Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
}

/**
 * The imports of a file. With no parser at hand this reads what the formatter leaves: statements
 * that start a line. `undefined` where one of them cannot be read.
 */
function importsOf(text: string): Import[] | undefined {
  const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, '');
  const imports: Import[] = [];
  let statements = 0;
  // `import { type X }` keeps the import when compiled, so it counts as a value.
  const statement =
    /^(import|export)\s+(type\s+)?(?:[\w$\s{},*]+?\s*from\s*)?(?:'([^']+)'|"([^"]+)")/gm;
  for (const [, keyword, type, single, double] of code.matchAll(statement)) {
    if (keyword === 'import') {
      statements++;
    }
    imports.push({ specifier: single ?? double ?? '', kind: type ? 'type' : 'value' });
  }
  for (const [, type, specifier = ''] of code.matchAll(
    /(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]/g,
  )) {
    imports.push({ specifier, kind: type ? 'type' : 'lazy' });
  }
  for (const [, specifier = ''] of code.matchAll(/^declare module ['"]([^'"]+)['"]/gm)) {
    imports.push({ specifier, kind: 'type' });
  }
  return statements === [...code.matchAll(/^import\b(?!\s*[(.])/gm)].length ? imports : undefined;
}

/** The row of the table that covers `path`; the most particular one wins. */
function roomOf(path: string): string | undefined {
  const [first = '', second = ''] = path.replace(/\.ts$/, '').split('/');
  return [`${first}/${second}`, first].find((name) => Object.hasOwn(ROOMS, name));
}

/** Files with the same owner may import one another. */
function ownerOf(path: string): string | undefined {
  const room = roomOf(path);
  return room !== undefined && ROOMS[room]?.apart
    ? path.replace(/\.ts$/, '').split('/').slice(0, 2).join('/')
    : room;
}

function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

function mayImport(path: string, target: string, kind: Import['kind']): boolean {
  const room = ROOMS[roomOf(path) ?? ''];
  const targetRoom = roomOf(target);
  if (room === undefined || targetRoom === undefined) {
    return false;
  }
  if (ownerOf(path) === ownerOf(target)) {
    return true;
  }
  if (room.may === '*') {
    return targetRoom !== 'index';
  }
  const allowed = [...(room.may ?? []), ...(kind === 'type' ? (room.types ?? []) : [])];
  return allowed.some((name) => targetRoom === name || targetRoom.startsWith(`${name}/`));
}

/** Each import that breaks the table, as a sentence. */
function badImports(sources: Sources, dependencies: readonly string[]): string[] {
  const found: string[] = [];
  for (const [path, text] of sources) {
    const room = ROOMS[roomOf(path) ?? ''];
    const imports = importsOf(text);
    if (room === undefined) {
      found.push(`${path}: no row of the table covers it`);
      continue;
    }
    if (imports === undefined) {
      found.push(`${path}: has an import that this test cannot read`);
      continue;
    }
    for (const { specifier, kind } of imports) {
      const target = targetOf(path, specifier);
      if (target !== undefined) {
        if (!mayImport(path, target, kind)) {
          found.push(`${path}: may not import ${target} (${kind})`);
        }
      } else if (isBuiltin(specifier)) {
        if (room.neutral && kind === 'value') {
          found.push(`${path}: may load ${specifier} only by import()`);
        }
      } else {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        if (!dependencies.includes(name)) {
          found.push(`${path}: ${name} is not a dependency`);
        } else if (room.packages !== undefined && !room.packages.includes(name)) {
          found.push(`${path}: may not import the package ${name}`);
        }
      }
    }
  }
  return found;
}

/** Each circle of imports that are there at run time, as a path back to its start. */
function circles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  function visit(path: string): void {
    const at = trail.indexOf(path);
    if (at !== -1) {
      found.push([...trail.slice(at), path].join(' → '));
      return;
    }
    if (done.has(path)) {
      return;
    }
    trail.push(path);
    for (const { specifier, kind } of importsOf(sources.get(path) ?? '') ?? []) {
      const target = targetOf(path, specifier);
      if (target !== undefined && kind === 'value') {
        visit(target);
      }
    }
    trail.pop();
    done.add(path);
  }
  for (const path of sources.keys()) {
    visit(path);
  }
  return found;
}

function tooLong(sources: Sources): string[] {
  return [...sources]
    .map(([path, text]) => ({ path, lines: text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path}: ${lines} lines`);
}

const sources = readSources();

t.test('imports point down the table, never up or across', async (t) => {
  t.strictSame(badImports(sources, readDependencies()), []);
});

t.test('no file imports itself by way of others', async (t) => {
  t.strictSame(circles(sources), []);
});

t.test('every file is called after what is in it', async (t) => {
  t.strictSame(
    [...sources.keys()].filter((path) => NAMELESS.test(path)),
    [],
  );
});

t.test(`no file has more than ${MAX_LINES} lines`, async (t) => {
  t.strictSame(tooLong(sources), []);
});

t.test('the rules catch', async (t) => {
  function verdict(path: string, text: string): string[] {
    return badImports(new Map([[path, text]]), ['tough-cookie', 'mime-types', '@scope/name']);
  }

  const refused: [why: string, path: string, text: string][] = [
    ['up', 'messages/body.ts', `import { stack } from '../transport.ts';`],
    ['up, as a type', 'errors.ts', `import type { Transport } from './transport.ts';`],
    ['up, lazily', 'messages/body.ts', `  await import('../client.ts');`],
    ['up, by export', 'transport.ts', `export * from './client.ts';`],
    ['up, without a name', 'transport.ts', `import './client.ts';`],
    ['up, over many lines', 'pool/pool.ts', `import {\n  a,\n  // b\n  b,\n} from '../client.ts';`],
    ['up, by augmentation', 'transport.ts', `declare module './client.ts' {\n}`],
    ['across', 'middleware/retry.ts', `import { x } from './redirect.ts';`],
    ['across, as a type', 'middleware/retry.ts', `import type { X } from './redirect.ts';`],
    ['across, by folder', 'middleware/cache/store.ts', `import { x } from '../retry.ts';`],
    ['a layer that knows the pool', 'middleware/retry.ts', `import { P } from '../pool/pool.ts';`],
    ['a transport that knows another', 'transports/replay.ts', `import { M } from './mock.ts';`],
    ['a value where a type may be', 'http1/parser.ts', `import { N } from '../network/tcp.ts';`],
    ['a type kept by its braces', 'http2/x.ts', `import { type N } from '../network/tcp.ts';`],
    ['index, from a place that may all', 'cli/main.ts', `import { Client } from '../index.ts';`],
    ['adapters, from the client', 'client.ts', `import { f } from './adapters/to-fetch.ts';`],
    ['node: where there is none', 'auth/digest.ts', `import { createHash } from 'node:crypto';`],
    ['node: without its prefix', 'middleware/decode.ts', `import zlib from "zlib";`],
    ['a package not declared', 'middleware/cookie.ts', `import { x } from 'other/deep';`],
    ['a package in the wrong room', 'errors.ts', `import { x } from 'tough-cookie';`],
    ['a file in no room', 'misc.ts', ''],
    ['what it cannot read', 'client.ts', `import { 'a-b' as c } from './pool/pool.ts';`],
  ];
  for (const [why, path, text] of refused) {
    t.equal(verdict(path, text).length, 1, why);
  }

  const allowed: [why: string, path: string, text: string][] = [
    ['down', 'client.ts', `import { P } from './pool/pool.ts';`],
    ['down to a layer', 'client/stack.ts', `import { A } from '../middleware/auth.ts';`],
    ['a neighbour', 'http1/parser.ts', `import { x } from './grammar.ts';`],
    ['inside a layer', 'middleware/cache.ts', `import { x } from './cache/store.ts';`],
    ['a type where a type may be', 'http1/x.ts', `import type { N } from '../network/tcp.ts';`],
    ['node: as a type', 'auth/digest.ts', `import type { Hash } from 'node:crypto';`],
    ['node: as the type of a module', 'messages/x.ts', `let fs: typeof import('node:fs');`],
    ['node: lazily', 'middleware/decode.ts', `  const zlib = await import('node:zlib');`],
    ['node: below', 'network/tcp.ts', `import net from 'node:net';`],
    ['a package', 'middleware/cookie.ts', `import { CookieJar } from 'tough-cookie';`],
    ['a scoped package', 'middleware/x.ts', `import { y } from '@scope/name/deep';`],
    ['an example', 'errors.ts', `/**\n * import { Client } from 'strata-http';\n */`],
    ['a word', 'errors.ts', `export const from = 'x';\nconst y = Array.from('../client.ts');`],
  ];
  for (const [why, path, text] of allowed) {
    t.strictSame(verdict(path, text), [], `not ${why}`);
  }

  t.strictSame(
    circles(
      new Map([
        ['a.ts', `import { b } from './b.ts';`],
        ['b.ts', `import { c } from './c/c.ts';`],
        ['c/c.ts', `import { b } from '../b.ts';\nimport type { a } from '../a.ts';`],
      ]),
    ),
    ['b.ts → c/c.ts → b.ts'],
    'a circle',
  );
  t.match('messages/utils.ts', NAMELESS, 'a name that says nothing');
  t.match('helpers/x.ts', NAMELESS, 'a folder whose name says nothing');
  t.strictSame(
    tooLong(
      new Map([
        ['short.ts', 'x\n'.repeat(MAX_LINES)],
        ['long.ts', 'x\n'.repeat(MAX_LINES + 1)],
      ]),
    ),
    [`long.ts: ${MAX_LINES + 1} lines`],
    'a long file',
  );
});
