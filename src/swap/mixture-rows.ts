/**
 * From the two members' numbers at one token state to the mixture's.
 * @module
 */
import { logSoftmax } from '../core/divergence.ts';
import { type MixtureSteps, mixtureLogp, mixturePair, weightAfterSteps } from '../core/mixture.ts';

/** Engines hand divergences on in float32, where a radius used up to the last bit would read as exceeded. */
const ROOM = 1 - 1e-6;

/** The mixture at one state. */
export interface MixedState {
  /** Weight of the replacement, 0..1. */
  readonly w: number;
  /** [V], nats. */
  readonly logp_V: Float64Array;
}

/** One state's numbers from both members [V]: logits, or log-probabilities at the temperature. */
export interface ComponentRows {
  readonly incumbent: ArrayLike<number>;
  readonly replacement: ArrayLike<number>;
}

/**
 * π_w ∝ pre^w cur^{1−w} after the given steps, both members at the sampling temperature   (E9, E40, E41).
 *
 * @param temperature - 1 where the rows are log-probabilities at the temperature already
 */
export function mixState(rows: ComponentRows, temperature: number, steps: MixtureSteps): MixedState {
  const pair = mixturePair(
    logSoftmax(rows.replacement, temperature),
    logSoftmax(rows.incumbent, temperature),
  );
  const w = weightAfterSteps(
    pair,
    steps.map((delta) => delta * ROOM),
  );
  return { w, logp_V: mixtureLogp(pair, w) };
}
