/**
 * Importance weights for a batch that was sampled at the start of a stage and is reused after some agents
 * (`done`) have been updated in this stage. With fresh rollouts `done` is empty and every weight is 1.
 *
 * Names of log-probabilities in the whole repository (`logpOld` in code, `logp_old` in text). Each is the natural
 * logarithm of a token's probability at the sampling temperature:
 *
 * | name           | policy                                             | computed by                             |
 * | -------------- | -------------------------------------------------- | --------------------------------------- |
 * | `logp_new`     | the weights being trained; for an agent already    | the trainer's forward pass              |
 * |                | updated in this stage, its accepted weights        |                                         |
 * | `logp_old`     | the weights that sampled the batch: the snapshot   | the trainer's forward pass, once, right |
 * |                | at the start of the agent's update (PPO's "old");  | after the rollout; frozen               |
 * |                | in a swap, the incumbent model                     |                                         |
 * | `logp_sampler` | as `logp_old`                                      | the sampler while it drew the tokens; a |
 * |                |                                                    | diagnostic that no ratio uses           |
 * | `logp_pre`     | the replacement model of a swap, before projection | the replacement's forward pass          |
 *
 * `logp` without a suffix is used where only one policy occurs; `meanLogp` is the mean of `logp_sampler` over a
 * message. There is no `logp_ref`: the reference policy of the KL term is the old policy. Equations use the same
 * words for policies: `new`, `old`, `pre`; `old` is the paper's π_cur.
 *
 * @see SAT (arXiv 2605.05216) Sec. 4 "Sequence-aware reuse"; V-trace, arXiv 1802.01561
 * @module
 */
import { checkFinite, checkInteger, checkLength, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';

/**
 * Bound on log-ratios: they are clamped to ±20 nats before exponentiation, so that every weight is finite
 * (E11, E22).
 */
export const MAX_LOG_RATIO = 20;

/**
 * Returns a message's log-ratio, log ρ = Σ_t ( logp_new(x_t) − logp_old(x_t) ) over its tokens x_t   (E10).
 * This sum is the variable u of E22.
 *
 * @param logpNew - logp_new of the message's tokens [T], nats
 * @param logpOld - logp_old of the same tokens [T], nats
 * @returns the message's log-ratio, nats; 0 for an empty message
 * @throws DomainError if the lengths differ
 */
export function messageLogRatio(logpNew: ArrayLike<number>, logpOld: ArrayLike<number>): number {
  checkLength('messageLogRatio', 'old log-probabilities', logpNew.length, logpOld.length);
  let sum = 0;
  for (let t = 0; t < logpNew.length; t++) sum += logpNew[t] - logpOld[t];
  return sum;
}

/** Log-ratio of one agent's message. */
export interface MessageRatio {
  readonly turn: number;
  readonly agent: number;
  /** Log-ratio of new to old probability of the message (log ρ_{t,j} for turn t and agent j, E10), nats. */
  readonly logRatio: number;
}

/**
 * Sums, for every turn t, the log-ratios of the agents in `done`: Σ_{j ∈ I(s_t), j ∈ done} log ρ_{t,j}, where
 * I(s_t) are the agents that act at turn t   (the exponent of E11).
 *
 * @param messages - the episode's messages, in any order
 * @param done - agents already updated in this stage; the agent being updated is not among them
 * @param turns - number of turns of the episode
 * @returns summed log-ratio per turn [turns], nats; 0 at a turn without an agent in `done`
 * @throws DomainError if a turn lies outside the episode
 */
export function turnLogRatios(
  messages: readonly MessageRatio[],
  done: ReadonlySet<number>,
  turns: number,
): Float64Array {
  checkInteger('turnLogRatios', 'turns', turns, 0);
  const sums = new Float64Array(turns);
  for (const { turn, agent, logRatio } of messages) {
    if (!(Number.isInteger(turn) && turn >= 0 && turn < turns))
      throw new DomainError(`turnLogRatios: expected turns 0..${turns - 1}, got ${turn}`);
    if (done.has(agent)) sums[turn] += logRatio;
  }
  return sums;
}

/** Weights of one episode; arrays are per turn. */
export interface TurnWeights {
  /** Log-ratio of each turn, clamped to ±20 (the exponent of E11), nats. */
  readonly logRho: Float64Array;
  /**
   * ρ_t: probability of turn t's action under the team after the preceding updates of the stage, divided by
   * its probability under the team that sampled the batch.
   */
  readonly rho: Float64Array;
  /** c_t = min(c̄, ρ_t): ratio of each turn, truncated at c̄. */
  readonly c: Float64Array;
  /** Product of the truncated ratios of all turns, Ω(τ) = Π_t c_t. */
  readonly omega: number;
}

/**
 * Computes the importance weights of an episode's turns: the ratio ρ_t = exp(clamp(Σ_j log ρ_{t,j}, ±20))
 * with j over the updated agents, the truncated ratio c_t = min(c̄, ρ_t), and the product ω = Π_t c_t   (E11,
 * E12, E13).
 *
 * Differs from the paper, whose Algorithm 1 sets the old policy to the current one after every agent's
 * update, so that every ρ is 1. Here logp_old stays the log-probability under the policy that sampled the
 * rollout.
 *
 * @param logRatios - summed log-ratio of the agents in `done` at each turn, 0 if there is none [turns], nats
 * @throws DomainError if a log-ratio is not finite or cbar <= 0
 *
 * @example
 * turnWeights([0, Math.log(0.5), Math.log(3)]).omega; // ≈> 0.5
 */
export function turnWeights(
  logRatios: ArrayLike<number>,
  { cbar = 1 }: { readonly cbar?: number } = {},
): TurnWeights {
  checkFinite('turnWeights', 'logRatios', logRatios);
  checkPositive('turnWeights', 'cbar', cbar);
  const logRho = Float64Array.from(logRatios, (x) => Math.max(-MAX_LOG_RATIO, Math.min(MAX_LOG_RATIO, x)));
  const rho = logRho.map(Math.exp);
  const c = rho.map((ratio) => Math.min(cbar, ratio));
  const omega = c.reduce((product, weight) => product * weight, 1);
  return { logRho, rho, c, omega };
}

/**
 * Returns the products W_t = Π_{k<=t} c_k of the truncated importance weights, which correct the distribution
 * of the state at turn t   (E17).
 *
 * Truncated GAE (E15) corrects only the turns after turn t. Without the factor W_t, updates in forward order
 * on a reused batch are biased. Differs from the paper, which has no prefix weight.
 *
 * @param c - truncated weights per turn [turns]
 * @returns prefix products [turns]
 */
export function prefixWeights(c: ArrayLike<number>): Float64Array {
  let product = 1;
  return Float64Array.from(c, (weight) => {
    product *= weight;
    return product;
  });
}

/**
 * Returns the products Π_{k>t} c_k of the truncated importance weights, which correct the turns after turn t.
 * The paper's text uses only these weights (E15 with λ = γ = 1 and a constant value function).
 *
 * These weights are sufficient only if agents are updated in reverse execution order. Otherwise {@link
 * prefixWeights} are needed too.
 *
 * @param c - truncated weights per turn [turns]
 * @returns products of the weights after each turn [turns]
 *
 * @example
 * suffixWeights([0.5, 0.25, 1]); // => [0.25, 1, 1]
 */
export function suffixWeights(c: ArrayLike<number>): Float64Array {
  const suffix = new Float64Array(c.length);
  let product = 1;
  for (let t = c.length - 1; t >= 0; t--) {
    suffix[t] = product;
    product *= c[t];
  }
  return suffix;
}
