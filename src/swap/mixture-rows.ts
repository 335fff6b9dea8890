/**
 * Computes the mixture of two component models at one token position.
 * @module
 */
import { logSoftmax } from '../core/divergence.ts';
import { type MixtureSteps, mixtureLogp, mixturePair, weightAfterSteps } from '../core/mixture.ts';

/**
 * Factor of the KL limits (radii), slightly below 1. Engines return divergences in float32, and their
 * rounding error could exceed a radius that is fully used.
 */
const ROUNDING_MARGIN = 1 - 1e-6;

/** The mixture at one token position. */
export interface MixedState {
  /** Weight of the replacement model in the mixture, 0..1. */
  readonly w: number;
  /** Log-probabilities [V], nats. */
  readonly logp_V: Float64Array;
}

/**
 * Next-token scores of both component models at one token position [V]: either logits, or log-probabilities
 * at the sampling temperature.
 */
export interface ComponentRows {
  readonly incumbent: ArrayLike<number>;
  readonly replacement: ArrayLike<number>;
}

/**
 * Computes the geometric mixture π_w ∝ pre^w old^{1−w} of replacement (pre) and incumbent (old), where each
 * step increases the weight w within its KL radius. Both components are at the sampling temperature   (E9,
 * E40, E41).
 *
 * @param temperature - 1 if the rows are already log-probabilities at the temperature
 */
export function mixState(rows: ComponentRows, temperature: number, steps: MixtureSteps): MixedState {
  const pair = mixturePair(
    logSoftmax(rows.replacement, temperature),
    logSoftmax(rows.incumbent, temperature),
  );
  const w = weightAfterSteps(
    pair,
    steps.map((delta) => delta * ROUNDING_MARGIN),
  );
  return { w, logp_V: mixtureLogp(pair, w) };
}
