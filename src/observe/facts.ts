import type { Response } from '../messages/response.ts';
import type { TracedExchange } from '../middleware/trace.ts';
import { bytes, count, milliseconds } from './units.ts';
import type { Account } from './waterfall.ts';

/** What the layers did, and over which connections: a sentence each, in the order in which a request meets them. */
export function factsOf({ response, error, trace, exchanges }: Account): string[] {
  return [
    ...failure(error),
    ...redirects(exchanges),
    ...retries(exchanges),
    ...(response === null ? [] : layers(response)),
    ...(exchanges.length === 0 && trace !== null ? ['The network was not asked.'] : []),
    ...connections(exchanges),
    ...sizes(response, exchanges),
  ];
}

function failure(error: Error | null): string[] {
  return error === null ? [] : [error.message];
}

function redirects(exchanges: readonly TracedExchange[]): string[] {
  const followed = exchanges.filter(({ cause }) => cause === 'redirect').length;
  return followed === 0 ? [] : [`Followed ${count(followed, 'redirect')}.`];
}

function retries(exchanges: readonly TracedExchange[]): string[] {
  return exchanges.flatMap((exchange, at) => {
    const before = exchanges[at - 1];
    if (exchange.cause !== 'retry' || before === undefined) return [];
    const ended = before.timings.started + (before.timings.total ?? 0);
    const waited = Math.max(0, exchange.timings.started - ended);
    return [`#${at + 1} followed ${milliseconds(waited)} ms after #${at} had ended.`];
  });
}

function layers({ extensions }: Response): string[] {
  const { cacheStatus, deduped, hedge, queued } = extensions;
  const said: string[] = [];
  if (cacheStatus !== undefined) said.push(`Cache: ${cacheFacts(cacheStatus)}.`);
  if (deduped === true) said.push('Joined the exchange of another request.');
  if (queued !== undefined && queued > 0)
    said.push(`Waited ${milliseconds(queued)} ms for its turn in the throttle.`);
  if (hedge !== undefined)
    said.push(
      `Hedged ${count(hedge.sent, 'time')}; ${hedge.answered === 0 ? 'the first' : `hedge ${hedge.answered}`} was answered first.`,
    );
  return said;
}

function cacheFacts(status: NonNullable<Response['extensions']['cacheStatus']>): string {
  const { hit, fwd, fwdStatus, stored, collapsed, ttl, detail } = status;
  return [
    hit ? 'hit' : `forwarded (${fwd ?? 'unknown'})`,
    ...(fwdStatus === undefined ? [] : [`answered with ${fwdStatus}`]),
    ...(collapsed === true ? ['collapsed with another request'] : []),
    ...(stored === true ? ['stored'] : []),
    ...(ttl === undefined ? [] : [`fresh for ${ttl} s`]),
    ...(detail === undefined ? [] : [detail]),
  ].join(', ');
}

function connections(exchanges: readonly TracedExchange[]): string[] {
  const met = new Map<number, { exchange: TracedExchange; used: number[] }>();
  const dead: string[] = [];
  exchanges.forEach((exchange, at) => {
    const { connection, repeats } = exchange;
    if (repeats > 0)
      dead.push(
        `#${at + 1} met ${count(repeats, 'kept connection')} that had died, and was sent again.`,
      );
    if (connection === null) return;
    const known = met.get(connection.id);
    if (known === undefined) met.set(connection.id, { exchange, used: [at + 1] });
    else known.used.push(at + 1);
  });
  const said = Array.from(met.values(), ({ exchange, used }) => {
    const { connection, timings } = exchange;
    const { id, protocol, remoteAddress, tls } = connection as NonNullable<typeof connection>;
    const secured =
      tls === null
        ? 'not encrypted'
        : `${tls.version ?? 'TLS'} ${tls.cipher}${tls.resumed ? ', resumed' : ''}`;
    const origin = timings.reused === true ? 'kept from before' : 'new';
    return `Connection ${id} to ${remoteAddress ?? 'an unknown address'}: ${protocol}, ${secured}, ${origin}; for ${used.map((each) => `#${each}`).join(', ')}.`;
  });
  return [...dead, ...said];
}

function sizes(response: Response | null, exchanges: readonly TracedExchange[]): string[] {
  if (exchanges.length === 0) return [];
  let sent = 0;
  let received = 0;
  for (const { request, response: answer } of exchanges) {
    sent += (request.headSize ?? 0) + (request.bodySize ?? 0);
    received += (answer?.headSize ?? 0) + (answer?.bodySize ?? 0);
  }
  return [`Sent ${bytes(sent)}, received ${bytes(received)}${decoded(response)}.`];
}

/** A body that was decoded and is in memory: how large it has become. */
function decoded(response: Response | null): string {
  const coding = response?.headers.get('content-encoding') ?? null;
  if (response === null || coding === null || !response.isRead) return '';
  const { byteLength } = response.detach() as Uint8Array;
  return byteLength === response.bytesDownloaded
    ? ''
    : `; the body was ${bytes(response.bytesDownloaded)} of ${coding} and is ${bytes(byteLength)} decoded`;
}
