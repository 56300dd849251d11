/**
 * What each layer of a stack does to a request, and how long it takes.
 *
 *     npm start            against a server of its own, on loopback
 *     npm start -- URL     against yours
 */
import { isHTTPError, InvalidURLError, Request, VERSION } from '../src/index.ts';
import { Guide } from './demo/guide.ts';
import { download } from './demo/progress.ts';
import { paint, print } from './demo/screen.ts';
import { DemoServer } from './demo/server.ts';

const USAGE = 'usage: npm start [-- URL]';

async function tour(): Promise<void> {
  await using server = await DemoServer.start();
  await using guide = new Guide();
  welcome(guide, `a server of its own, ${server.url}`);

  const order = { json: { item: 'granite', pieces: 3 } };
  await guide.show('a redirect that sets a cookie', new Request('GET', server.url));
  await guide.show('JSON', new Request('POST', `${server.url}/orders`, order));
  await guide.show('compressed', new Request('GET', `${server.url}/catalogue`));
  await guide.showCrowd('at most 4 connections', new Request('GET', `${server.url}/slow`), 8);
  await guide.show('50 MB', new Request('GET', `${server.url}/archive`), download);
}

async function visit(request: Request): Promise<void> {
  await using guide = new Guide();
  welcome(guide, request.origin);
  await guide.show('piece by piece', request, download);
  await guide.show('once more, without the body', request.with({ method: 'HEAD' }));
}

function welcome(guide: Guide, server: string): void {
  print(`\n${paint('bold', `strata-http ${VERSION}`)} and ${server}`);
  print('\n  The stack, outermost first. A watch notes what passes into the next layer.\n');
  guide.introduce();
  print('\n  A time beside a layer is what it took itself, up to the head of the response.');
}

/** Resolves to the exit code: 0, 1 where a request failed, 2 where the URL is not one. */
async function main([url, ...more]: readonly string[]): Promise<number> {
  if (more.length > 0 || url === '--help') {
    process.stderr.write(`${USAGE}\n`);
    return url === '--help' ? 0 : 2;
  }
  try {
    if (url === undefined) await tour();
    else await visit(checked(new Request('GET', url)));
    return 0;
  } catch (error) {
    if (!isHTTPError(error)) throw error;
    const { code, message } = error;
    process.stderr.write(`\n${paint('red', code)}  ${message}\n`);
    if (!(error instanceof InvalidURLError)) return 1;
    process.stderr.write(`${USAGE}, as in: npm start -- https://example.com/\n`);
    return 2;
  }
}

/** @throws InvalidURLError */
function checked(request: Request): Request {
  const { protocol } = request.destination;
  if (protocol === 'http:' || protocol === 'https:') return request;
  throw new InvalidURLError(`expected http: or https:, got ${protocol}`);
}

// `npm start | head` has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await main(process.argv.slice(2));
