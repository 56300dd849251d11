import { readFileSync } from 'node:fs';
import t from 'tap';
import { VERSION } from '../src/version.ts';
import { fixture } from './support/fixtures.ts';

t.test('the version is that of package.json', async (t) => {
  const { version } = JSON.parse(readFileSync(fixture('package.json'), 'utf8')) as {
    version: string;
  };
  t.equal(VERSION, version);
});
