/**
 * KL penalty of the agent's loss from sampled tokens, and the loss that includes it. An engine with exact
 * divergences adds the penalty itself (option `kl` of `backward`) and needs only `objective.ts`.
 * @see SAT (arXiv 2605.05216) Eq. "agent loss"
 * @module
 */
import { checkLength } from './check.ts';
import { type KlEstimator, sampledKl } from './divergence.ts';
import { DomainError } from './errors.ts';
import { type Objective, type SequenceObjectiveInput, sequenceObjective } from './objective.ts';

/** Result of {@link sampledKlPenalty}. */
export interface KlPenalty {
  /** K̄: mean over the agent's tokens of the sampled KL estimate, nats; 0 if the agent has no tokens. */
  readonly klMean: number;
  /** M: number of the agent's tokens in the batch. */
  readonly tokens: number;
  /** β K̄. */
  readonly loss: number;
  /** Gradient of the penalty with respect to logpNew: (β/M) d k/d logpNew, same shape as logpNew. */
  readonly cotangents: Float64Array[];
}

/**
 * Computes the KL penalty β K̄ = (β/M) Σ_tokens k(logp_new − logp_old) and its derivative (β/M) k′ with
 * respect to each logp_new, for the KL estimator k, the coefficient β and M tokens   (E24, E29, E31).
 *
 * The result is for a loss only; the trust region needs exact divergences.
 *
 * @param logp - log-probabilities of the agent's tokens, per trajectory [N][T], nats
 * @param options - β: coefficient of the penalty, >= 0; and the KL estimator, default k3n
 * @throws DomainError if shapes differ, a log-ratio is NaN or beta is negative
 */
export function sampledKlPenalty(
  {
    logpNew,
    logpOld,
  }: { readonly logpNew: readonly ArrayLike<number>[]; readonly logpOld: readonly ArrayLike<number>[] },
  { beta, estimator = 'k3n' }: { readonly beta: number; readonly estimator?: KlEstimator },
): KlPenalty {
  const where = 'sampledKlPenalty';
  checkLength(where, 'rows of logpOld', logpNew.length, logpOld.length);
  if (!(beta >= 0 && Number.isFinite(beta)))
    throw new DomainError(`${where}: expected beta >= 0, got ${beta}`);
  const tokens = logpNew.reduce((sum, row) => sum + row.length, 0);
  let total = 0;
  const cotangents = logpNew.map((row, g) => {
    checkLength(where, `log-probabilities in logpOld[${g}]`, row.length, logpOld[g].length);
    return Float64Array.from(row, (logp, t) => {
      const { value, slope } = sampledKl(logp - logpOld[g][t], estimator);
      total += value;
      return (beta / tokens) * slope;
    });
  });
  const klMean = tokens === 0 ? 0 : total / tokens;
  return { klMean, tokens, loss: beta * klMean, cotangents };
}

/** Loss of an agent's update with a sampled KL penalty (E24); `loss` and `cotangents` include the penalty. */
export interface AgentObjective extends Objective {
  readonly policyLoss: number;
  readonly klMean: number;
}

/**
 * Computes the loss of an agent's update: −(1/N) Σ_g min(r_g Ã_g, r_{c,g} Ã_g) + β K̄   (E24), with cotangent
 * −(1/N) gate_g r_g Ã_g + (β/M) k′ at every token. Trajectory g has the likelihood ratio r_g, the clipped
 * ratio r_{c,g} and the advantage Ã_g; gate_g is 0 if the clip is active and 1 otherwise. The second term is
 * the KL penalty of {@link sampledKlPenalty}   (E31).
 *
 * @throws DomainError as {@link sequenceObjective} and {@link sampledKlPenalty} do
 */
export function agentObjective(
  input: SequenceObjectiveInput,
  options: { readonly beta: number; readonly estimator?: KlEstimator },
): AgentObjective {
  const policy = sequenceObjective(input);
  const penalty = sampledKlPenalty(input, options);
  return {
    ...policy,
    loss: policy.loss + penalty.loss,
    policyLoss: policy.loss,
    klMean: penalty.klMean,
    cotangents: policy.cotangents.map((row, g) => row.map((x, t) => x + penalty.cotangents[g][t])),
  };
}
