import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.ts';

/** Peers as readers know them, with the version that was measured. */

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: Readonly<Record<string, string>>;
};

function version(name: string): string {
  const [major = '', minor = ''] = (devDependencies[name] ?? '').split('.');
  return `${name} ${major}.${minor}`;
}

const labels: Readonly<Record<string, string>> = {
  'raw-socket': 'raw socket: no client, the limit',
  'strata-pool': '**strata-http `ConnectionPool`**',
  'strata-client': '**strata-http `Client`**, default layers',
  'strata-client-5-layers': '**strata-http `Client`** with 5 async layers more',
  'strata-fetch': '**strata-http as `fetch`**',
  'undici-request': `${version('undici')} \`request\``,
  'undici-dispatch': `${version('undici')} \`dispatch\``,
  'undici-stream': `${version('undici')} \`stream\``,
  'undici-fetch': `${version('undici')} \`fetch\``,
  'node-http': 'node:http',
  'builtin-fetch': 'built-in `fetch`',
  axios: version('axios'),
  got: version('got'),
  ky: version('ky'),
  'node-fetch': version('node-fetch'),
  smithy: version('@smithy/node-http-handler'),
  superagent: version('superagent'),
};

export function labelOf(peer: string): string {
  return labels[peer] ?? peer;
}
