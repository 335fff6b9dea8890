/**
 * Selects the batch of episodes that each agent of a stage learns from. Sequential and simultaneous updates
 * differ only in this selection.
 * @module
 */
import type { Team } from '../team/team.ts';
import type { Batch } from './batch.ts';
import { collectBatch } from './collect.ts';
import type { RunContext } from './context.ts';

/** Returns the batch that an agent learns from; called once per agent, right before its update. */
export type BatchOf = (agent: number) => Promise<Batch>;

/**
 * Returns the function that selects an agent's batch. Rollout mode `reuse`: all agents learn from one batch.
 * `fresh`, sequential updates: new episodes are sampled at each call, by the team with all earlier updates of
 * the stage. `fresh`, simultaneous updates: all episodes are sampled before the first update, by the team at
 * the start of the stage.
 *
 * @param at.sigma - ids of the agents in the order of their updates
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
