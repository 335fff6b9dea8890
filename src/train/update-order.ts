/**
 * In which order a stage updates the agents.
 * @module
 */
import { randomOrder, reverseOrder, staticOrder } from '../core/order.ts';
import { mean } from '../core/stats.ts';
import type { Batch } from './batch.ts';
import type { TrainOptions } from './options.ts';
import { shuffleDraws, trainStream } from './streams.ts';

export interface OrderFacts {
  readonly options: TrainOptions;
  readonly stage: number;
  /** The stage's one batch, where there is one. */
  readonly reused: Batch | undefined;
}

/**
 * sigma   (E43). With fresh rollouts there is no batch yet when `reverse` is asked for, and every agent
 * counts as speaking equally early: n-1..0, which is the rule's own result for ids in speaking order.
 *
 * @param n - agents
 */
export function updateOrder(n: number, { options, stage, reused }: OrderFacts): number[] {
  switch (options.order) {
    case 'static':
      return staticOrder(n);
    case 'random':
      return randomOrder(n, shuffleDraws(trainStream(options.seed, 'order', stage), n));
    case 'reverse':
      return reverseOrder(staticOrder(n).map((i) => (reused ? meanFirstTurn(reused, i) : 0)));
    default:
      return options.order satisfies never;
  }
}

/** Mean over the batch of the index of the agent's first own turn; NaN if it is silent. */
function meanFirstTurn({ own }: Batch, agent: number): number {
  const { messages, trajectoryOf } = own[agent];
  const first = new Map<number, number>();
  for (const [m, { turn }] of messages.entries()) {
    const n = trajectoryOf[m];
    first.set(n, Math.min(turn, first.get(n) ?? turn));
  }
  return first.size === 0 ? Number.NaN : mean([...first.values()]);
}
