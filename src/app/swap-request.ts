/**
 * What a swap is asked for.
 * @module
 */
import type { Override } from '../config/overrides.ts';

export const SWAP_MODES = ['mixture', 'handover', 'message', 'distil', 'raw'] as const;
export type SwapMode = (typeof SWAP_MODES)[number];

export interface SwapRequest {
  /** Run folder or checkpoint. */
  readonly team: string;
  /** Number or name. */
  readonly agent: string;
  /** Model folder or reference. */
  readonly replacement: string;
  readonly mode: SwapMode;
  /** Radius: nats per token, in mode message per message. */
  readonly delta0: number;
  readonly candidates: number;
  readonly distilSteps: number;
  readonly handoverStages: number;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly overrides: readonly Override[];
}
