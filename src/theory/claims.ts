/**
 * List of all groups of claims, in the order of the report.
 * @module
 */
import type { ClaimGroup } from './claim.ts';
import { boundClaims } from './claims/bounds.ts';
import { episodeClaims } from './claims/episodes.ts';
import { estimatorClaims } from './claims/estimator.ts';
import { loopClaims } from './claims/loop.ts';
import { occupancyClaims } from './claims/occupancy.ts';
import { stageClaims } from './claims/stage.ts';
import { statisticsClaims } from './claims/statistics.ts';
import { swapClaims } from './claims/swap.ts';
import { trustRegionClaims } from './claims/trust-region.ts';
import { valueClaims } from './claims/values.ts';

/** All claims by subject. */
export const CLAIM_GROUPS: readonly ClaimGroup[] = [
  stageClaims,
  valueClaims,
  occupancyClaims,
  boundClaims,
  episodeClaims,
  estimatorClaims,
  trustRegionClaims,
  statisticsClaims,
  swapClaims,
  loopClaims,
];
