/**
 * Determines the order in which the agents are updated within a stage.
 * @module
 */
import { greedyOrder, randomOrder, reverseOrder, staticOrder } from '../core/order.ts';
import { mean } from '../core/stats.ts';
import type { Agent, Team } from '../team/team.ts';
import type { Batch } from './batch.ts';
import type { RunContext } from './context.ts';
import type { TrainOptions } from './options.ts';
import { predictGain } from './predicted-gain.ts';
import { shuffleDraws, trainStream } from './streams.ts';

export interface OrderFacts {
  readonly options: TrainOptions;
  readonly stage: number;
  /** The batch of the stage with rollout mode `reuse`. */
  readonly reused: Batch | undefined;
}

/**
 * Determines the order sigma in which a stage updates the agents   (E43).
 *
 * If all updates of the stage reuse one batch, `reverse` sorts the agents by the turn of their first message,
 * averaged over the episodes, latest first. With fresh rollouts the order is chosen before the stage has
 * episodes, so `reverse` is n-1..0; both are equal if the agents act in the order of their ids. `greedy` then
 * sorts by the gains that were predicted from the previous stage's batches ({@link recordPrediction}). The first
 * stage has no predictions and uses the order 0..n-1.
 */
export async function updateOrder(
  { state }: RunContext,
  { agents }: Team,
  { options, stage, reused }: OrderFacts,
): Promise<number[]> {
  const ids = staticOrder(agents.length);
  switch (options.order) {
    case 'static':
      return ids;
    case 'random':
      return randomOrder(ids.length, shuffleDraws(trainStream(options.seed, 'order', stage), ids.length));
    case 'reverse':
      return reverseOrder(ids.map((i) => (reused ? meanFirstTurn(reused, i) : 0)));
    case 'greedy': {
      const gains: number[] = [];
      for (const agent of agents)
        gains.push(
          reused
            ? await predictGain({ agents }, reused, { agent, options })
            : (state.predictedGain?.[agent.id] ?? Number.NaN),
        );
      return greedyOrder(gains);
    }
    default:
      return options.order satisfies never;
  }
}

/**
 * With fresh rollouts and greedy order: predicts the gain of the agent's next update and stores it for the
 * next stage.
 */
export async function recordPrediction(
  { state }: RunContext,
  { agents }: Team,
  { batch, agent, options }: { readonly batch: Batch; readonly agent: Agent; readonly options: TrainOptions },
): Promise<void> {
  if (options.order !== 'greedy' || options.rolloutMode === 'reuse') return;
  state.predictedGain ??= agents.map(() => null);
  state.predictedGain[agent.id] = await predictGain({ agents }, batch, { agent, options });
}

/**
 * Returns the index of the agent's first own turn, averaged over the trajectories in which it acts; NaN if it
 * never acts.
 */
function meanFirstTurn({ own }: Batch, agent: number): number {
  const { messages, trajectoryOf } = own[agent];
  const first = new Map<number, number>();
  for (const [m, { turn }] of messages.entries()) {
    const n = trajectoryOf[m];
    first.set(n, Math.min(turn, first.get(n) ?? turn));
  }
  return first.size === 0 ? Number.NaN : mean([...first.values()]);
}
