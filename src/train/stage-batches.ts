/**
 * Selects the episodes that each agent of a stage learns from: the only difference between sequential and simultaneous
 * updates.
 * @module
 */
import type { Team } from '../team/team.ts';
import type { Batch } from './batch.ts';
import { collectBatch } from './collect.ts';
import type { RunContext } from './context.ts';

/** Returns the batch of an agent; called once per agent, right before its update. */
export type BatchOf = (agent: number) => Promise<Batch>;

/**
 * reuse: the same batch for all agents. fresh, sequential: new episodes of the team at the time of the call,
 * pi_hat^{i-1}. fresh, simultaneous: episodes of the team at the start of the stage, all played before the first
 * update.
 *
 * @param at.sigma - order of the updates
 * @param at.reused - the batch of the stage with rollout mode `reuse`
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
