/**
 * A team's weights as they were at one moment, which can be put back. Models are single instances, so two
 * teams that are compared take turns in the same models.
 * @module
 */
import type { SnapshotId } from '../engine/engine.ts';
import type { Agent, Team } from '../team/team.ts';

/** Frozen weights and optimiser states of some or all agents of a team. */
export interface TeamSnapshot {
  /** Has the frozen weights after {@link load}, until other weights are loaded into its models. */
  readonly team: Team;
  /** Puts the weights in place. */
  load(): Promise<void>;
  /** Forgets them. */
  release(): Promise<void>;
}

/** Freezes the weights that are in place now. */
export async function snapshotTeam(
  team: Team,
  agents: readonly Agent[] = team.agents,
): Promise<TeamSnapshot> {
  const ids = new Map<Agent, SnapshotId>();
  for (const agent of agents) ids.set(agent, await agent.model.snapshot());
  return snapshotOf(team, ids);
}

/** Snapshots already taken, seen as one. */
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
 * A frozen team with models of its own, read from a checkpoint: what a champion is after a resume. To
 * load it costs nothing; to keep it costs the memory of a second team.
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
