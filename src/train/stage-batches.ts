/**
 * Which episodes each agent of a stage learns from: the one thing in which sequential and simultaneous
 * updates differ.
 * @module
 */
import type { Team } from '../team/team.ts';
import type { Batch } from './batch.ts';
import { collectBatch } from './collect.ts';
import type { RunContext } from './context.ts';

/** The batch of an agent, asked for once, right before its update. */
export type BatchOf = (agent: number) => Promise<Batch>;

/**
 * reuse: the stage's one batch for everybody. fresh, sequential: new episodes of the team as it is when
 * they are asked for, pi_hat^{i-1}. fresh, simultaneous: episodes of the stage's start, all played before
 * the first update.
 *
 * @param at.sigma - order of the updates
 * @param at.reused - the stage's one batch
 */
export async function stageBatches(
  context: RunContext,
  team: Team,
  at: { readonly stage: number; readonly sigma: readonly number[]; readonly reused: Batch | undefined },
): Promise<BatchOf> {
  const { stage, sigma, reused } = at;
  if (reused !== undefined) return async () => reused;
  const collect: BatchOf = (agent) =>
    collectBatch(context, team, { stage, agent, scored: [team.agents[agent]] });
  if (context.options.updateSchedule === 'sequential') return collect;
  const batches = new Map<number, Batch>();
  for (const agent of sigma) batches.set(agent, await collect(agent));
  return async (agent) => batches.get(agent) ?? collect(agent);
}
