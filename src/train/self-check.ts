/**
 * The policy that is trained must be the policy that was sampled (E9): before the first step on a batch
 * its messages are scored by the trainer, and the sampler's own numbers must agree. Where they do not
 * (another temperature, a token filter, stale weights in the sampler, different kernels), every ratio
 * starts away from 1 and the trust region measures the wrong thing, so the run ends.
 * Differs from the official code, which takes the sampler's numbers and never compares.
 * @module
 */
import type { Capabilities } from '../engine/engine.ts';
import { EngineError } from '../support/errors.ts';
import type { Agent, TeamMessage } from '../team/team.ts';

/** Largest |sampler - trainer| of a token's logp, nats; for float32 engines that sample with the model itself. */
export const LOGP_TOLERANCE = 1e-4;

/** What is looked at of an agent. */
type CheckedAgent = Pick<Agent, 'id' | 'name'> & {
  readonly model: { readonly capabilities: Pick<Capabilities, 'agreement'> };
};

/** |logp_sampler - logp_trainer| of the tokens of a batch, nats. */
export interface Mismatch {
  readonly max: number;
  readonly mean: number;
}

/**
 * |logp_sampler(x_u) - logp_trainer(x_u)| over all tokens   (E9). Where weights are rounded, or another program
 * samples, single tokens may differ by much; there the mean is what shows that something is wrong.
 *
 * @param messages - of one agent
 * @param logp - the trainer's, per message [T], nats
 * @returns largest and mean difference, nats; 0 without messages
 * @throws EngineError if one exceeds what the model's engine allows, {@link LOGP_TOLERANCE} unless it says otherwise,
 * or is not a number
 */
export function checkSampledLogp(
  agent: CheckedAgent,
  messages: readonly Pick<TeamMessage, 'logpSampler'>[],
  logp: readonly Float32Array[],
): Mismatch {
  const { agreement = { max: LOGP_TOLERANCE, mean: LOGP_TOLERANCE } } = agent.model.capabilities;
  let worst = 0;
  let sum = 0;
  let tokens = 0;
  for (const [m, message] of messages.entries())
    for (const [t, sampled] of message.logpSampler.entries()) {
      const trained = logp[m]?.[t] ?? Number.NaN;
      const difference = Math.abs(sampled - trained);
      if (!(difference <= agreement.max))
        throw disagreement(
          agent,
          `within ${agreement.max} nats per token, got ${sampled} and ${trained} at token ${t} of message ${m}`,
        );
      worst = Math.max(worst, difference);
      sum += difference;
      tokens += 1;
    }
  const mean = tokens === 0 ? 0 : sum / tokens;
  if (!(mean <= agreement.mean))
    throw disagreement(agent, `within ${agreement.mean} nats per token on average, got ${mean}`);
  return { max: worst, mean };
}

function disagreement({ id, name }: CheckedAgent, what: string): EngineError {
  return new EngineError(
    `self-check of agent ${id} ("${name}"): expected the log-probabilities of sampler and trainer to agree ${what}; nothing was updated: the engine samples from another policy than it trains (temperature, stale weights or precision), so report this with the output of "troupe doctor"`,
    { code: 'TROUPE_LOGP_MISMATCH' },
  );
}
