import { openers } from '../strata/openers.ts';
import { strata } from '../strata/shipped.ts';
import type { OpenPeer } from './peer.ts';

export const open: OpenPeer = (options) => openers['strata-client'](strata, options);
