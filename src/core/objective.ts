/**
 * Policy loss of one agent, with clipped likelihood ratios of whole messages, and its cotangents (derivatives
 * with respect to the token log-probabilities). The core receives the log-probability of each token and
 * returns d loss / d logp; the engine runs the backward pass.
 * @see SAT (arXiv 2605.05216) Eq. "L_i^seq"; PPO, arXiv 1707.06347; GSPO, arXiv 2507.18071 (`ratioNorm: 'mean'`)
 * @module
 */
import { checkFinite, checkLength, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';
import { MAX_LOG_RATIO, messageLogRatio } from './weights.ts';

/** Clipping of the likelihood ratio, of a whole sequence or of a turn. */
export interface ClipOptions {
  /** ε: the ratio is clipped to 1 ± ε (E23), 0 < ε < 1. Default 0.2. */
  readonly epsilon?: number;
  /**
   * ε of the upper bound 1 + ε, which may differ as in DAPO's "clip higher" (arXiv 2503.14476). Default:
   * `epsilon`.
   */
  readonly epsilonHigh?: number;
  /**
   * c_d > 1 of the dual clip (E26b), which bounds the loss of a message with a negative advantage. Absent: no
   * bound, as in the paper.
   */
  readonly dualClip?: number;
  /**
   * How token log-ratios form the message's log-ratio: `sum` (paper) or `mean` over its tokens (E26a).
   * Default `sum`.
   */
  readonly ratioNorm?: 'sum' | 'mean';
  /** The log-ratio is clamped to ± this value, nats (E22). Default 20. */
  readonly maxLogRatio?: number;
}

/**
 * Log-probabilities and advantages of one batch. Entry g has the agent's tokens of trajectory g, possibly
 * none.
 */
export interface SequenceObjectiveInput extends ClipOptions {
  /** logp_new: log-probability of each token under the weights being trained [N][T], nats. */
  readonly logpNew: readonly ArrayLike<number>[];
  /**
   * logp_old: log-probability of each token under the weights at the start of this agent's update [N][T],
   * nats.
   */
  readonly logpOld: readonly ArrayLike<number>[];
  /** Ã: normalised advantage of each trajectory [N], no unit. */
  readonly advantages: ArrayLike<number>;
}

/**
 * Same as {@link SequenceObjectiveInput}, but with one entry per *turn* of the agent instead of one per
 * trajectory.
 */
export interface TurnObjectiveInput extends SequenceObjectiveInput {
  /** Label of the trajectory to which each turn belongs [N]; any numbers. */
  readonly trajectories: ArrayLike<number>;
}

/** Loss, diagnostics and cotangents. */
export interface Objective {
  /** Policy part of the loss (E24); 0 for a batch without tokens. */
  readonly loss: number;
  /**
   * u: log-ratio of new to old probability of each entry, after normalisation and clamp; 0 for an entry
   * without tokens [N], nats.
   */
  readonly u_N: Float64Array;
  /** Likelihood ratio exp(u), where u is the log-ratio; 1 for an entry without tokens [N]. */
  readonly ratio_N: Float64Array;
  /**
   * True for an entry whose gradient is 0 because of a clip (gate = 0 of E25) or because its advantage Ã is
   * 0; false for an entry without tokens.
   */
  readonly gated_N: boolean[];
  /** N of the loss (E24): number of trajectories with at least one token of the agent. */
  readonly count: number;
  /**
   * Share of the entries with tokens whose gradient is set to 0 by a clip. Entries with an advantage of 0 do
   * not count as clipped.
   */
  readonly clipFraction: number;
  /** d loss / d logpNew, same shape as logpNew. */
  readonly cotangents: Float64Array[];
}

/**
 * Computes the clipped policy loss over whole messages: −(1/N) Σ_g min(r_g Ã_g, r_{c,g} Ã_g). For trajectory
 * g with log-ratio u and advantage Ã, r = exp(clamp(u, ±20)) is the likelihood ratio and r_c = exp(clamp(u,
 * log(1−ε), log(1+ε))) the clipped ratio   (E22–E26). The cotangent at every token of trajectory g is −(1/N)
 * gate_g r_g Ã_g, where gate_g is 0 if the clip is active and 1 otherwise   (E25' and the policy part of
 * E31).
 *
 * N is the number of trajectories in which the agent has tokens; trajectories without tokens are skipped. If
 * r Ã = r_c Ã, the gradient is not set to 0. Outside ±20 nats (`maxLogRatio`) the ratio is constant and the
 * gradient is 0.
 *
 * @returns loss, diagnostics and one cotangent array per trajectory
 * @throws DomainError if shapes differ, a number is not finite, or an option is out of range
 *
 * @example
 * sequenceObjective({ logpNew: [[-1]], logpOld: [[-1]], advantages: [2] }).cotangents; // => [[-2]]
 */
export function sequenceObjective(input: SequenceObjectiveInput): Objective {
  const count = input.logpNew.reduce((n, tokens) => n + (tokens.length > 0 ? 1 : 0), 0);
  return clippedObjective('sequenceObjective', input, { count, weightOf: () => 1 / count });
}

/**
 * Computes the clipped policy loss with one ratio per turn: −(1/N) Σ_g (1/|T_i|) Σ_{t ∈ T_i} min(r_t a_t,
 * r_{c,t} a_t), where N is the number of trajectories g in which the agent has tokens and T_i the set of the
 * agent's turns in one of them   (E26c, `ratioLevel: 'turn'`).
 *
 * Each turn of the agent has its own likelihood ratio r_t (clipped: r_{c,t}) and its own advantage a_t = W_t
 * A_t, the advantage A_t times the prefix weight W_t (E17). GAE with lambda < 1 needs one ratio per turn: a
 * ratio of the whole sequence would give later turns too much weight, up to 16.8 times at gamma lambda =
 * 0.94.
 *
 * @returns loss, diagnostics and one cotangent array per turn
 * @throws DomainError as for {@link sequenceObjective}
 */
export function turnObjective(input: TurnObjectiveInput): Objective {
  const where = 'turnObjective';
  checkLength(where, 'trajectory labels', input.logpNew.length, input.trajectories.length);
  const turnsOf = new Map<number, number>();
  input.logpNew.forEach((tokens, k) => {
    const trajectory = input.trajectories[k];
    if (tokens.length > 0) turnsOf.set(trajectory, (turnsOf.get(trajectory) ?? 0) + 1);
  });
  const count = turnsOf.size;
  return clippedObjective(where, input, {
    count,
    weightOf: (k) => 1 / (count * (turnsOf.get(input.trajectories[k]) ?? 1)),
  });
}

interface Weighting {
  readonly count: number;
  /** Returns the weight of entry k in the mean; called only for entries with tokens. */
  weightOf(k: number): number;
}

function clippedObjective(where: string, input: SequenceObjectiveInput, weighting: Weighting): Objective {
  const { logpNew, logpOld, advantages, ratioNorm = 'sum' } = input;
  const clip = clipBounds(where, input);
  const N = logpNew.length;
  checkLength(where, 'rows of logpOld', N, logpOld.length);
  checkLength(where, 'advantages', N, advantages.length);
  checkFinite(where, 'advantages', advantages);

  const u_N = new Float64Array(N);
  const ratio_N = new Float64Array(N).fill(1);
  const gated_N = new Array<boolean>(N).fill(false);
  const cotangents: Float64Array[] = [];
  let loss = 0;
  let withTokens = 0;
  let clipped = 0;
  for (let k = 0; k < N; k++) {
    const tokens = logpNew[k].length;
    checkLength(where, `log-probabilities in logpOld[${k}]`, tokens, logpOld[k].length);
    const cotangent = new Float64Array(tokens);
    cotangents.push(cotangent);
    if (tokens === 0) continue;
    const divisor = ratioNorm === 'mean' ? tokens : 1;
    const u = messageLogRatio(logpNew[k], logpOld[k]) / divisor;
    if (!Number.isFinite(u))
      throw new DomainError(`${where}: expected finite log-probabilities in row ${k}, got log-ratio ${u}`);
    const term = clippedTerm(u, advantages[k], clip);
    const weight = weighting.weightOf(k);
    u_N[k] = term.u;
    ratio_N[k] = term.ratio;
    gated_N[k] = term.gated;
    loss -= weight * term.value;
    withTokens++;
    if (term.gated && advantages[k] !== 0) clipped++;
    if (!term.gated) cotangent.fill((-weight * term.ratio * advantages[k]) / divisor);
  }
  const clipFraction = withTokens === 0 ? 0 : clipped / withTokens;
  return { loss, u_N, ratio_N, gated_N, count: weighting.count, clipFraction, cotangents };
}

interface ClipBounds {
  readonly lo: number;
  readonly hi: number;
  readonly dualClip: number;
  readonly maxLogRatio: number;
}

function clipBounds(
  where: string,
  { epsilon = 0.2, epsilonHigh = epsilon, dualClip, maxLogRatio = MAX_LOG_RATIO }: ClipOptions,
): ClipBounds {
  checkPositive(where, 'maxLogRatio', maxLogRatio);
  checkPositive(where, 'epsilonHigh', epsilonHigh);
  if (!(epsilon > 0 && epsilon < 1))
    throw new DomainError(`${where}: expected epsilon strictly between 0 and 1, got ${epsilon}`);
  if (dualClip !== undefined && !(dualClip > 1))
    throw new DomainError(`${where}: expected dualClip > 1, got ${dualClip}; omit it to turn it off`);
  return {
    lo: Math.log(1 - epsilon),
    hi: Math.log(1 + epsilonHigh),
    dualClip: dualClip ?? Infinity,
    maxLogRatio,
  };
}

/**
 * Computes min(r A, r_c A) with the dual clip for one entry with ratio r, clipped ratio r_c and advantage A,
 * and whether its gradient is 0 (the gate of E25).
 */
function clippedTerm(
  logRatio: number,
  advantage: number,
  { lo, hi, dualClip, maxLogRatio }: ClipBounds,
): { readonly u: number; readonly ratio: number; readonly value: number; readonly gated: boolean } {
  const u = Math.max(-maxLogRatio, Math.min(maxLogRatio, logRatio));
  const ratio = Math.exp(u);
  const unclipped = ratio * advantage;
  const clipped = Math.exp(Math.max(lo, Math.min(hi, u))) * advantage;
  // a u that differs from logRatio was clamped to ±maxLogRatio, so its gradient is 0
  let gated = !(unclipped <= clipped && advantage !== 0 && u === logRatio);
  let value = Math.min(unclipped, clipped);
  if (advantage < 0 && value < dualClip * advantage) {
    value = dualClip * advantage;
    gated = true;
  }
  return { u, ratio, value, gated };
}
