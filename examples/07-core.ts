/**
 * The functions of the core without an engine: group-relative advantages, the loss of one agent, and a
 * trust-region decision.
 */
import {
  decideAttempt,
  groupNormalizedAdvantages,
  logSoftmax,
  measureAttempt,
  sequenceObjective,
  startTrustRegion,
  stateDivergence,
} from 'troupe/core';

// rewards of the team's answers (1 correct, 0 wrong), four answers to each of two prompts
const rewards = [1, 0, 0, 1, 0, 0, 0, 1];
const prompts = [0, 0, 0, 0, 1, 1, 1, 1];
const advantages = groupNormalizedAdvantages(rewards, prompts);
console.log('advantages', [...advantages].map((value) => value.toFixed(2)).join(' '));

// log-probabilities of the tokens in one agent's messages, before and after an update
const logpOld = rewards.map((_, n) => [-1.2, -0.7, -0.1 * (n + 1)]);
const logpNew = logpOld.map((message, n) => message.map((logp) => logp + 0.02 * (advantages[n] ?? 0)));
const { loss } = sequenceObjective({ logpNew, logpOld, advantages });
console.log('loss of the agent after the step', loss.toFixed(4));

// the trust region bounds the exact KL at the token states and its sum over each message
const oldPolicy = logSoftmax([2, 0.7, 0]);
const states = [
  [2.1, 0.7, 0],
  [2, 0.8, 0],
  [1.7, 0.7, 0.2],
].map((logits) => stateDivergence(logSoftmax(logits), oldPolicy));
const kl = states.map(({ klNewOld }) => klNewOld);
const measured = measureAttempt(
  { kl, tv: states.map(({ tv }) => tv), messageKl: [kl.reduce((sum, value) => sum + value, 0)] },
  { quantile: 0.99, slack: 'none', slackConfidence: 0.05 },
);
for (const targetKl of [0.05, 0.01]) {
  const decision = decideAttempt(startTrustRegion({ targetKl, maxBacktracks: 3 }, 0.001), measured);
  console.log(`KL ${measured.klQuantile.toFixed(4)} nats, radius ${targetKl}: ${decision.kind}`);
}
