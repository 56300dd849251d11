import * as strata from '../../src/index.ts';
import { openers } from '../strata/openers.ts';
import type { OpenPeer } from './peer.ts';

export const open: OpenPeer = (options) => openers['strata-pool'](strata, options);
