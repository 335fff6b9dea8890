/**
 * Snapshots of a team's weights that can be restored. Two compared teams may share the same models; then the
 * weights of one team at a time are loaded into them.
 * @module
 */
import type { SnapshotId } from '../engine/engine.ts';
import type { Agent, Team } from '../team/team.ts';

/** Copied weights and optimizer states of some or all agents of a team. */
export interface TeamSnapshot {
  /**
   * Team whose models have the copied weights after {@link load}, until other weights are loaded into them.
   */
  readonly team: Team;
  /** Loads the copied weights and optimizer states into the models. */
  load(): Promise<void>;
  /** Frees the copies. */
  release(): Promise<void>;
}

/** Copies the current weights and optimizer states of the given agents. */
export async function snapshotTeam(
  team: Team,
  agents: readonly Agent[] = team.agents,
): Promise<TeamSnapshot> {
  const ids = new Map<Agent, SnapshotId>();
  for (const agent of agents) ids.set(agent, await agent.model.snapshot());
  return snapshotOf(team, ids);
}

/** Combines existing snapshots of single models into a snapshot of the team. */
export function snapshotOf(team: Team, ids: ReadonlyMap<Agent, SnapshotId>): TeamSnapshot {
  return {
    team,
    async load() {
      for (const [agent, id] of ids) await agent.model.restore(id);
    },
    async release() {
      for (const [agent, id] of ids) agent.model.release(id);
    },
  };
}

/**
 * Snapshot of a team that was loaded from a checkpoint into separate model instances, such as the champion
 * (last promoted team) of a resumed run. `load` is free, but the snapshot takes the memory of a second team.
 */
export function snapshotWithOwnModels(team: Team): TeamSnapshot {
  return {
    team,
    async load() {},
    async release() {
      for (const { model } of team.agents) await model.close();
    },
  };
}
