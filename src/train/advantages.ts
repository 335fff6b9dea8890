/**
 * Advantages A_tilde of an agent's trajectories from the rewards of a batch.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Group-relative normalization"
 * @module
 */
import { groupNormalizedAdvantages, groupRelativeAdvantages } from '../core/advantage.ts';
import { overlongPenalty } from '../core/overlong.ts';
import { mean } from '../core/stats.ts';
import { suffixWeights } from '../core/weights.ts';
import { isCutOff } from '../team/cut-off.ts';
import type { Batch, SequenceWeights } from './batch.ts';
import type { TrainOptions } from './options.ts';

type AdvantageOptions = Pick<
  TrainOptions,
  'stateWeight' | 'normalise' | 'advantageClip' | 'truncated' | 'overlongBuffer' | 'maxCompletionLength'
>;

/**
 * Returns the advantages A_tilde of the trajectories: omega (R - b) with importance weight omega, reward R
 * and group baseline b (E19), normalised within the group (E20) and clipped (E21).
 *
 * R is the episode's reward minus the penalty for the agent's overlong messages. With `truncated: mask` the
 * advantage of an episode in which all messages of the agent were cut off is 0 after the normalisation, so that
 * the episode has no gradient but counts in the group's mean and in N (DAPO's overlong filtering). Single cut-off
 * messages are left out by `ownTrajectories`.
 *
 * @param agent - id of the agent to update
 * @param weights - importance weights of the batch's episodes for the current team
 * @returns A_tilde per trajectory [N], no unit
 */
export function batchAdvantages(
  batch: Batch,
  agent: number,
  { weights, options }: { readonly weights: SequenceWeights; readonly options: AdvantageOptions },
): Float64Array {
  const groups = batch.trajectories.map(({ group }) => group);
  const penalty_N = overlongPenalties(batch, agent, options);
  const returns = batch.trajectories.map(({ reward }, n) => reward - penalty_N[n]);
  const weight_N = options.stateWeight ? weights.omega_N : ownSuffixWeights(batch, agent, weights);
  const advantages = groupRelativeAdvantages(returns, weight_N, groups);
  const { normalise, advantageClip: clip } = options;
  const normalised = groupNormalizedAdvantages(advantages, groups, { normalise, clip });
  if (options.truncated === 'mask') {
    const { messages, trajectoryOf } = batch.own[agent];
    const complete = new Set(trajectoryOf.filter((_, m) => !isCutOff(messages[m])));
    return normalised.map((advantage, n) => (complete.has(n) ? advantage : 0));
  }
  return normalised;
}

/**
 * Returns the penalty per trajectory [N], reward units: the mean over the agent's own messages; 0 without own
 * messages.
 */
function overlongPenalties(
  { trajectories, own }: Batch,
  agent: number,
  { overlongBuffer, maxCompletionLength: maxLength }: AdvantageOptions,
): Float64Array {
  const penalty_N = new Float64Array(trajectories.length);
  if (overlongBuffer === undefined) return penalty_N;
  const { messages, trajectoryOf } = own[agent];
  const count_N = new Float64Array(trajectories.length);
  for (const [m, { tokens }] of messages.entries()) {
    const n = trajectoryOf[m];
    count_N[n]++;
    const penalty = overlongPenalty(tokens.length, { ...overlongBuffer, maxLength });
    penalty_N[n] += (penalty - penalty_N[n]) / count_N[n]; // running mean
  }
  return penalty_N;
}

/**
 * Returns one weight per trajectory [N]: the mean, over the agent's own turns t, of the importance weight of
 * the turns after t, i.e. the product of the truncated ratios c_k over k > t (E15 and E18 without E17, for a
 * constant value function). The weight is 0 if the agent has no turn in the trajectory, and otherwise 1 if no
 * agent was updated since the rollout.
 */
function ownSuffixWeights({ own }: Batch, agent: number, { c_N }: SequenceWeights): Float64Array {
  const { messages, trajectoryOf } = own[agent];
  const ownTurns: number[][] = c_N.map(() => []);
  for (const [m, { turn }] of messages.entries()) ownTurns[trajectoryOf[m]].push(turn);
  return Float64Array.from(c_N, (c, n) => {
    const suffix = suffixWeights(c);
    return ownTurns[n].length === 0 ? 0 : mean(ownTurns[n].map((turn) => suffix[turn]));
  });
}
