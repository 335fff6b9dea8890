/**
 * What an agent's update is expected to bring, before it is made: what the greedy order sorts by. Train
 * episodes only; a prediction made from validation prompts would void the tests (E43).
 * @module
 */
import { groupRelativeAdvantages } from '../core/advantage.ts';
import { crossFittedGain, type ScoreSample } from '../core/information-gain.ts';
import { predictedGain } from '../core/order.ts';
import type { Agent, Team } from '../team/team.ts';
import { batchAdvantages } from './advantages.ts';
import { type Batch, sequenceWeights } from './batch.ts';
import type { TrainOptions } from './options.ts';

/** Added to the Fisher matrix's diagonal (E65); scores of softmax tables are of order 1. */
const FISHER_EPSILON = 1e-3;

/**
 * The gain predicted for an agent's next update from a batch of the team as it is now: cross-fitted (E65)
 * where every model of the team gives scores, else E43's figure. The two are not comparable, so a team is
 * predicted one way or the other.
 *
 * @param batch - with `agent` unchanged since it was played
 * @returns a figure to sort by; NaN if it cannot be formed
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
  const speaking = new Set(batch.own[agent.id].trajectoryOf);
  return predictedGain(
    advantages,
    batch.trajectories.map((_, n) => speaking.has(n)),
    delta,
  );
}

/** Direction from one half of the prompts, gain from the other, and the other way round   (E65). */
async function crossFitted(
  batch: Batch,
  { id, model }: Agent,
  { delta, temperature }: { readonly delta: number; readonly temperature: number },
): Promise<number> {
  const { messages, trajectoryOf } = batch.own[id];
  const scores = (await model.scores?.(messages, { temperature })) ?? [];
  if (scores.length === 0) return 0; // silent
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
    const members = [...groups.keys()].filter((n) => groups[n] % 2 === parity);
    return { scores: members.map((n) => rows[n]), advantages_N: members.map((n) => advantages[n]) };
  };
  const [even, odd] = [half(0), half(1)];
  if (odd.scores.length === 0) return Number.NaN; // one prompt has no other half
  const options = { delta, epsilon: FISHER_EPSILON };
  return (crossFittedGain(even, odd, options).gain + crossFittedGain(odd, even, options).gain) / 2;
}
