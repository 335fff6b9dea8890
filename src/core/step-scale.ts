/**
 * Choice of the learning-rate scale from measured KL divergences. KL(new‖old) has its minimum 0 at the old
 * policy, so for small steps it grows with the square of the step. One measurement thus predicts the step that
 * uses a given share of the KL bounds. Pure functions; `trust-region.ts` and the training loop use them.
 *
 * Differs from the paper, which has no such prediction: its learning rate is set by hand.
 * @module
 */

/** The KL bounds of an update (E36), nats. */
export interface KlBounds {
  readonly targetKl: number;
  /** Absent: no bound on the KL per message. */
  readonly targetKlMessage?: number;
}

/** The two divergences that have bounds, nats. */
export interface BoundedKl {
  readonly klQuantile: number;
  readonly klMessageMean: number;
}

/** Lower bound of the learning-rate scale. */
export const SCALE_MIN = 1e-4;
/** Upper bound of the learning-rate scale. */
export const SCALE_MAX = 1e4;

/**
 * Share of the tighter KL bound at which a predicted step aims. Below 1, because terms of higher order and the
 * KL penalty change the prediction; above 1/2, because smaller shares count as underused.
 */
const AIM = 0.7;

/**
 * Largest ratio of a measured divergence to its bound: above 1 the step leaves the trust region.
 *
 * @returns NaN if a divergence is not finite
 */
export function usedShare({ targetKl, targetKlMessage }: KlBounds, measured: BoundedKl): number {
  const { klQuantile, klMessageMean } = measured;
  if (!Number.isFinite(klQuantile) || !Number.isFinite(klMessageMean)) return Number.NaN;
  return Math.max(klQuantile / targetKl, klMessageMean / (targetKlMessage ?? Number.POSITIVE_INFINITY));
}

/** Range of the factor of a retry that aims at the radius. */
const RETRY_FACTOR = { min: 0.01, max: 0.9 };
/** Factor of a retry after a value that is not finite, which permits no prediction. */
const NOT_FINITE_FACTOR = 0.125;

/**
 * Returns the factor on the learning-rate scale with which a failed attempt is repeated: sqrt(0.7 / share) for
 * a step that used `share` of the tighter KL bound, within [0.01, 0.9].
 *
 * @example
 * retryFactor({ targetKl: 0.01 }, { klQuantile: 0.28, klMessageMean: 1 }); // ≈> 0.158113883
 */
export function retryFactor(bounds: KlBounds, measured: BoundedKl): number {
  const share = usedShare(bounds, measured);
  return Number.isNaN(share) ? NOT_FINITE_FACTOR : clamp(Math.sqrt(AIM / share), RETRY_FACTOR);
}

/** Learning-rate scale of the first probe. */
const FIRST_PROBE = 1 / 16;
/** Share of the KL bound at which a repeated probe aims. */
const PROBE_AIM = 0.25;
/** A probe whose share is larger is repeated, because its KL is no longer quadratic in the step. */
const MAX_SHARE = 4;
/** A probe whose share is smaller is repeated, because a prediction would extrapolate too far. */
const MIN_SHARE = 1 / 256;
/** KL, nats, well above the rounding errors of divergences in float32 (about 1e-7). */
const MEASURABLE_KL = 1e-5;
const PROBE_FACTOR = { min: 1 / 64, max: 16 };
const MAX_PROBES = 4;

/** State of the search for an agent's first learning-rate scale, before a probe. */
export interface ProbeState {
  readonly bounds: KlBounds;
  /** Number of the probe; 0 for the first. */
  readonly probe: number;
  /** Learning-rate scale of this probe. */
  readonly lrScale: number;
  /** Smallest scale of a probe that was too large or not finite; Infinity if there was none. */
  readonly tooLarge: number;
}

/**
 * Decision after a probe: another probe, or the learning-rate scale of the first attempt. `measured` is false
 * if no probe had a KL above 0, e.g. because the gradient is 0; the scale is then 1.
 */
export type ProbeDecision =
  | { readonly kind: 'probe'; readonly next: ProbeState }
  | { readonly kind: 'scale'; readonly lrScale: number; readonly measured: boolean };

/** Returns the state before an agent's first probe, a step with 1/16 of the learning rate. */
export function startProbes(bounds: KlBounds): ProbeState {
  return { bounds, probe: 0, lrScale: FIRST_PROBE, tooLarge: Number.POSITIVE_INFINITY };
}

/**
 * Decides on a probe: a small step that is measured and undone before an agent's first update.
 *
 * A probe that used between 1/256 and 4 times the tighter KL bound predicts the scale at which the KL is 0.7 of
 * the bound. Otherwise the probe is repeated with a scale at which it should use 1/4 of the bound; the scale
 * changes by at most a factor of 64 downwards and 16 upwards, and stays at or below half of a scale that was
 * too large. After four probes the last one decides.
 *
 * @param measured - divergences after the probe's step, nats
 */
export function decideProbe({ bounds, probe, ...state }: ProbeState, measured: BoundedKl): ProbeDecision {
  const share = usedShare(bounds, measured);
  const isTooLarge = !(share <= MAX_SHARE); // NaN is too large
  const tooLarge = isTooLarge ? Math.min(state.lrScale, state.tooLarge) : state.tooLarge;
  const minShare = clamp(MEASURABLE_KL / bounds.targetKl, { min: MIN_SHARE, max: PROBE_AIM });
  const isPrecise = !isTooLarge && share >= minShare;
  const isLast = probe + 1 >= MAX_PROBES;
  if (isLast && share <= 0) return { kind: 'scale', lrScale: 1, measured: false };

  const aim = isPrecise || isLast ? AIM : PROBE_AIM;
  // rounding errors can make a KL of 0 slightly negative
  const predicted = Number.isNaN(share) ? 0 : Math.sqrt(aim / Math.max(0, share));
  const lrScale = Math.min(state.lrScale * clamp(predicted, PROBE_FACTOR), tooLarge / 2);
  return isPrecise || isLast
    ? { kind: 'scale', lrScale: clamp(lrScale, { min: SCALE_MIN, max: SCALE_MAX }), measured: true }
    : { kind: 'probe', next: { bounds, probe: probe + 1, lrScale, tooLarge } };
}

function clamp(value: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, value));
}
