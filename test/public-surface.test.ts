import { readFileSync } from 'node:fs';
import t from 'tap';
import * as strata from '../src/index.ts';
import * as observe from '../src/observe.ts';
import * as testing from '../src/testing.ts';
import { fixture } from './support/fixtures.ts';

/*
 * What is public is a promise: all of it is listed in public-surface.json. To add a name there is a decision, to take one away is a major
 * version.
 */
const surface = JSON.parse(readFileSync(fixture('test/public-surface.json'), 'utf8')) as Record<
  string,
  { values: string[]; types: string[] }
>;

const MODULES: Readonly<Record<string, object>> = { index: strata, observe, testing };

/** The names that a module exports as types. */
function typesOf(file: string): string[] {
  const text = readFileSync(fixture(file), 'utf8');
  const lists = [...text.matchAll(/^export (type )?\{([^}]*)\} from/gm)].flatMap(
    ([, allTypes, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && (allTypes !== undefined || name.startsWith('type ')))
        .map((name) => name.replace(/^type /, '')),
  );
  const declared = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(
    ([, name = '']) => name,
  );
  const others = [...text.matchAll(/^export \* from '\.\/([^']+)'/gm)].flatMap(([, path]) =>
    typesOf(`src/${path}`),
  );
  return [...lists, ...declared, ...others].sort();
}

for (const [name, module] of Object.entries(MODULES)) {
  t.test(`${name} exports the values that are listed`, async (t) => {
    t.strictSame(Object.keys(module).sort(), surface[name]?.values);
  });

  t.test(`${name} exports the types that are listed`, async (t) => {
    t.strictSame(typesOf(`src/${name}.ts`), surface[name]?.types);
  });
}

t.test(
  'what lets a received head, or a body, in without a look at it is not exported',
  async (t) => {
    for (const name of ['receivedHeaders', 'hasFramingFields', 'IterableSource', 'contentOf']) {
      t.notOk(name in strata, name);
    }
  },
);
