/**
 * Predicted gain of an agent's next update, for the greedy update order. It uses episodes of the train split only: a
 * prediction from validation prompts would void the acceptance tests (E43).
 * @module
 */
import { groupRelativeAdvantages } from '../core/advantage.ts';
import { crossFittedGain, type ScoreSample } from '../core/information-gain.ts';
import { predictedGain } from '../core/order.ts';
import type { Agent, Team } from '../team/team.ts';
import { batchAdvantages } from './advantages.ts';
import { type Batch, sequenceWeights } from './batch.ts';
import type { TrainOptions } from './options.ts';

/**
 * Regularisation added to the diagonal of the Fisher matrix (E65). It is small against the scores (gradients
 * of the log-probability) of tabular models, which are of order 1.
 */
const FISHER_EPSILON = 1e-3;

/**
 * Predicts the gain in team reward of an agent's next update from a batch of the current team. Uses
 * cross-fitting (E65) if the engines of all agents compute score vectors (`Model.scores`), else the formula
 * of E43. Results of the two methods are not comparable, so all agents use the same one.
 *
 * @param batch - a batch in which `agent` has its current weights
 * @returns predicted gain; NaN if the batch has a single prompt and the prediction is cross-fitted
 */
export async function predictGain(
  team: Pick<Team, 'agents'>,
  batch: Batch,
  { agent, options }: { readonly agent: Agent; readonly options: TrainOptions },
): Promise<number> {
  const delta = options.trustRegion.targetKl;
  if (team.agents.every(({ model }) => model.scores !== undefined))
    return crossFitted(batch, agent, { delta, temperature: options.temperature });
  const weights = sequenceWeights(batch);
  const advantages = batchAdvantages(batch, agent.id, { weights, options });
  const withMessages = new Set(batch.own[agent.id].trajectoryOf);
  return predictedGain(
    advantages,
    batch.trajectories.map((_, n) => withMessages.has(n)),
    delta,
  );
}

/**
 * Predicts the gain by cross-fitting: computes the update's direction on one half of the prompts and its gain
 * on the other half. Returns the mean over both assignments of the halves   (E65).
 */
async function crossFitted(
  batch: Batch,
  { id, model }: Agent,
  { delta, temperature }: { readonly delta: number; readonly temperature: number },
): Promise<number> {
  const { messages, trajectoryOf } = batch.own[id];
  const scores = (await model.scores?.(messages, { temperature })) ?? [];
  if (scores.length === 0) return 0; // no messages
  const rows = batch.trajectories.map(() => new Float64Array(scores[0].length));
  for (const [m, row] of scores.entries())
    for (let d = 0; d < row.length; d++) rows[trajectoryOf[m]][d] += row[d];
  const groups = batch.trajectories.map(({ group }) => group);
  const advantages = groupRelativeAdvantages(
    batch.trajectories.map(({ reward }) => reward),
    sequenceWeights(batch).omega_N,
    groups,
  );
  const half = (parity: number): ScoreSample => {
    const indices = [...groups.keys()].filter((n) => groups[n] % 2 === parity);
    return { scores: indices.map((n) => rows[n]), advantages_N: indices.map((n) => advantages[n]) };
  };
  const [even, odd] = [half(0), half(1)];
  if (odd.scores.length === 0) return Number.NaN; // a single prompt cannot be split into halves
  const options = { delta, epsilon: FISHER_EPSILON };
  return (crossFittedGain(even, odd, options).gain + crossFittedGain(odd, even, options).gain) / 2;
}
