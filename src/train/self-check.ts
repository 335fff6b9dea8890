/**
 * The policy that is trained must be the policy that was sampled (E9): before the first step on a batch
 * its messages are scored by the trainer, and the sampler's own numbers must agree. Where they do not
 * (another temperature, a token filter, stale weights in the sampler, different kernels), every ratio
 * starts away from 1 and the trust region measures the wrong thing, so the run ends.
 * Differs from the official code, which takes the sampler's numbers and never compares.
 * @module
 */
import { EngineError } from '../support/errors.ts';
import type { Agent, TeamMessage } from '../team/team.ts';

/** Largest |sampler - trainer| of a token's logp, nats; for float32 engines. */
export const LOGP_TOLERANCE = 1e-4;

/**
 * max_u |logp_sampler(x_u) - logp_trainer(x_u)| over all tokens   (E9).
 *
 * @param messages - of one agent
 * @param logp - the trainer's, per message [T], nats
 * @returns the largest difference, nats; 0 without messages
 * @throws EngineError if it exceeds {@link LOGP_TOLERANCE} or is not a number
 */
export function checkSampledLogp(
  agent: Agent,
  messages: readonly TeamMessage[],
  logp: readonly Float32Array[],
): number {
  let worst = 0;
  for (const [m, message] of messages.entries())
    for (const [t, sampled] of message.logpSampler.entries()) {
      const trained = logp[m]?.[t] ?? Number.NaN;
      const difference = Math.abs(sampled - trained);
      if (!(difference <= LOGP_TOLERANCE))
        throw new EngineError(
          `self-check of agent ${agent.id} ("${agent.name}"): expected the log-probabilities of sampler and trainer to agree within ${LOGP_TOLERANCE} nats per token, got ${sampled} and ${trained} at token ${t} of message ${m}; nothing was updated: the engine samples from another policy than it trains (temperature, stale weights or precision), so report this with the output of "troupe doctor"`,
          { code: 'TROUPE_LOGP_MISMATCH' },
        );
      worst = Math.max(worst, difference);
    }
  return worst;
}
