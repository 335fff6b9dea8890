/**
 * Checks that the sampler and the trainer use the same policy (E9): the log-probabilities of sampler and
 * trainer must agree on every batch before its first optimizer step. They disagree e.g. if the sampler uses
 * another temperature, token filters, stale weights or other kernels. Then the ratios of new to old policy do
 * not start at 1 and the trust region bounds a different policy, so the run ends with an error.
 * Differs from the official code, which uses the sampler's log-probabilities without a comparison.
 * @module
 */
import type { Agreement, Capabilities } from '../engine/engine.ts';
import { EngineError } from '../support/errors.ts';
import type { Agent, TeamMessage } from '../team/team.ts';

/**
 * Default tolerances of |logp_sampler - logp_trainer|, nats; for float32 engines whose sampler and trainer use the same
 * model. Rounding grows with the model and has a long tail: on SmolLM2-135M, Gemma 3 270M and Qwen2.5 0.5B, 500 tokens
 * each, the mean was 2.4e-6 to 6.1e-6 and the maximum 2.2e-5 to 4.0e-5. The mean is limited more tightly, because a
 * different policy (temperature, filters, stale weights) shifts many tokens and a batch has more tokens in its tail.
 */
export const LOGP_TOLERANCE: Agreement = { max: 1e-3, mean: 1e-4 };

/** The properties of an agent that the check uses. */
type CheckedAgent = Pick<Agent, 'id' | 'name'> & {
  readonly model: { readonly capabilities: Pick<Capabilities, 'agreement'> };
};

/** Maximum and mean of |logp_sampler - logp_trainer| over the tokens of a batch, nats. */
export interface Mismatch {
  readonly max: number;
  readonly mean: number;
}

/**
 * Compares |logp_sampler - logp_trainer| of all tokens with the tolerances of the model's engine (E9). If
 * the sampler uses rounded weights or another program, single tokens may differ considerably; then only the
 * mean is informative.
 *
 * @param messages - messages of one agent
 * @param logp - the trainer's log-probabilities, per message [T], nats
 * @returns maximum and mean difference, nats; 0 without messages
 * @throws EngineError if the maximum or the mean exceeds the engine's `agreement` (default {@link
 *   LOGP_TOLERANCE}), or is NaN
 */
export function checkSampledLogp(
  agent: CheckedAgent,
  messages: readonly Pick<TeamMessage, 'logpSampler'>[],
  logp: readonly Float32Array[],
): Mismatch {
  const { agreement = LOGP_TOLERANCE } = agent.model.capabilities;
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

function disagreement({ id, name }: CheckedAgent, expected: string): EngineError {
  return new EngineError(
    `self-check of agent ${id} ("${name}"): expected the log-probabilities of sampler and trainer to agree ${expected}; nothing was updated. The engine samples from another policy than it trains (temperature, stale weights or precision): report this with the output of "troupe doctor"`,
    { code: 'TROUPE_LOGP_MISMATCH' },
  );
}
