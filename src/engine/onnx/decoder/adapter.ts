/**
 * Shape of a LoRA adapter: which projections get an increment scale * B A x, its rank, and its scale.
 * @see Hu et al., "LoRA", arXiv:2106.09685; Kalajdzievski, "rsLoRA", arXiv:2312.03732
 * @see ../lora/adapter-config.ts for PEFT's file
 * @module
 */

/** Projections of a layer, named as in checkpoints. */
export const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

export type Target = (typeof TARGETS)[number];

export interface AdapterShape {
  /** r, number of rows of A. */
  readonly rank: number;
  /** Numerator of the scale. */
  readonly alpha: number;
  /** Whether to use rsLoRA: the scale is alpha / sqrt(r) instead of alpha / r. */
  readonly rankStabilized: boolean;
  /** Projections that have an adapter, in the order of {@link TARGETS}. */
  readonly targets: readonly Target[];
}

/** The scale of B A x. */
export function adapterScale({ rank, alpha, rankStabilized }: AdapterShape): number {
  return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
}
