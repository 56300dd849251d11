import type { Challenge } from './challenge.ts';
import type { HashName } from './hash.ts';

/** A Digest challenge that can be answered (RFC 7616 §3.3). */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  /** To be returned as it came. */
  readonly opaque: string | null;
  /** As the server wrote it, and as it gets it back; null: it wrote none, and means MD5. */
  readonly algorithm: string | null;
  readonly hash: HashName;
  /** The algorithm's name ends with `-sess`. */
  readonly session: boolean;
  /** What is protected; null is what RFC 2069 did, before there was a choice. */
  readonly qop: 'auth' | 'auth-int' | null;
  /** The password was right, the nonce too old. */
  readonly stale: boolean;
  /** The user's name is to be hashed. */
  readonly userhash: boolean;
  /** The server takes names in UTF-8, and says so. */
  readonly utf8: boolean;
  /** The protection space, as URLs; empty: the whole origin. */
  readonly domain: readonly string[];
}

const ALGORITHM = /^(md5|sha-256|sha-512-256)(-sess)?$/i;
const STRENGTH: Readonly<Record<HashName, number>> = { MD5: 1, 'SHA-256': 2, 'SHA-512-256': 3 };

/** null where it is not Digest, lacks its nonce, or asks for what we do not know: an unknown algorithm is not guessed at. */
export function digestChallenge({ scheme, params }: Challenge): DigestChallenge | null {
  const nonce = params.get('nonce');
  if (scheme !== 'digest' || nonce === undefined) return null;
  const algorithm = params.get('algorithm') ?? null;
  const [, name, sess] = ALGORITHM.exec(algorithm ?? 'MD5') ?? [];
  const qop = qopOf(params.get('qop'));
  if (name === undefined || qop === undefined) return null;
  return {
    realm: params.get('realm') ?? '',
    nonce,
    opaque: params.get('opaque') ?? null,
    algorithm,
    hash: name.toUpperCase() as HashName,
    session: sess !== undefined,
    qop,
    stale: params.get('stale')?.toLowerCase() === 'true',
    userhash: params.get('userhash')?.toLowerCase() === 'true',
    utf8: params.get('charset')?.toLowerCase() === 'utf-8',
    domain:
      params
        .get('domain')
        ?.split(/[ \t]+/)
        .filter((each) => each !== '') ?? [],
  };
}

/** auth before auth-int, which few servers can check and which needs the whole body first; undefined where neither is offered. */
function qopOf(offered: string | undefined): DigestChallenge['qop'] | undefined {
  if (offered === undefined) return null;
  const options = offered.toLowerCase().split(/[\s,]+/);
  return (['auth', 'auth-int'] as const).find((option) => options.includes(option));
}

/** Those that can be answered, the strongest algorithm first; among equals, in the server's order (RFC 7616 §3.7). */
export function digestChallenges(challenges: readonly Challenge[]): DigestChallenge[] {
  return challenges
    .map(digestChallenge)
    .filter((each) => each !== null)
    .sort((a, b) => STRENGTH[b.hash] - STRENGTH[a.hash]);
}
