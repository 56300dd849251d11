import type { Response, StreamTimings } from '../../src/index.ts';
import { duration, fit } from './screen.ts';
import type { Passage } from './watch.ts';

/** What a layer did, read off what was seen on both sides of it. */
export function storyOf(passage: Passage, opened: readonly StreamTimings[]): string[] {
  const told = TELLERS[passage.layer]?.(passage, opened) ?? addedTo(passage);
  return told.length > 0 ? told : ['passed it on'];
}

type Teller = (passage: Passage, opened: readonly StreamTimings[]) => string[];

const TELLERS: Readonly<Record<string, Teller>> = {
  RedirectMiddleware({ response, inner }) {
    const history = response?.history ?? [];
    return history.map(
      (each, at) => `followed ${status(each)} to ${target(inner[at + 1] ?? inner[0])}`,
    );
  },

  CookieMiddleware(passage) {
    const sent = passage.inner[0]?.request.headers.get('cookie')?.split('; ') ?? [];
    const stored = passage.response?.headers.getSetCookie() ?? [];
    return [...cookies('sent', sent), ...cookies('stored', stored)];
  },

  DecodeMiddleware(passage) {
    const { response, inner } = passage;
    const decodes = response !== null && response !== inner[0]?.response;
    const coding = response?.headers.get('content-encoding');
    return [...addedTo(passage), ...(decodes ? [`decodes ${coding}`] : [])];
  },

  ConnectionPool(passage, opened) {
    const { request, response, started, ended } = passage;
    if (response === null) return [`${request.method} ${target(passage)} failed`];
    const made = opened.find((each) => each.started >= started && each.started <= ended);
    return [
      `${request.method} ${target(passage)} → ${status(response)}`,
      made === undefined
        ? 'on a connection that was kept'
        : `on a new connection: ${timings(made)}`,
    ];
  },
};

/** The header fields that a layer added to what it sent inward. */
function addedTo({ request, inner }: Passage): string[] {
  const added = [...(inner[0]?.request.headers ?? [])].filter(
    ([name]) => !request.headers.has(name),
  );
  return added.map(([name, value]) => `+ ${name}: ${value}`);
}

/** By name only: their values are nobody's business. */
function cookies(verb: string, pairs: readonly string[]): string[] {
  return pairs.length === 0
    ? []
    : [`${verb} cookie ${pairs.map((pair) => pair.split('=', 1)[0]).join(', ')}`];
}

function timings({ started, resolved, connected, secured }: StreamTimings): string {
  const steps: readonly [string, number | undefined][] = [
    ['dns', resolved],
    ['tcp', connected],
    ['tls', secured],
  ];
  let from = started;
  const told: string[] = [];
  for (const [name, at] of steps) {
    if (at === undefined) continue;
    told.push(`${name} ${duration(at - from)}`);
    from = at;
  }
  return told.join(', ');
}

export function status({ status, statusText }: Response): string {
  return `${status} ${statusText}`.trimEnd();
}

function target(passage: Passage | undefined): string {
  return fit(passage?.request.target ?? '', 24);
}
