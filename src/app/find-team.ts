/**
 * Finds the team that a caller names by a run folder, a checkpoint folder in a run, a team file, or an object
 * with the keys of a team file.
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Override } from '../config/overrides.ts';
import {
  type ResolvedConfig,
  resolveConfig,
  resolveConfigObject,
  resolveRunConfig,
} from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { CHECKPOINTS, CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, type StoredTeam } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import { shellPath } from '../support/shell-word.ts';
import { checkpointName } from '../train/store-port.ts';
import type { UseCaseOptions, WarningEvent } from './use-case.ts';

export interface FoundTeam {
  readonly resolved: ResolvedConfig;
  /** The checkpoint, if the team comes from a run; undefined for a team file. */
  readonly stored: StoredTeam | undefined;
}

/**
 * @param team - run folder (its champion is used), checkpoint folder in a run, path of a team file, or a team
 *   file as an object
 * @throws ConfigError if the team does not exist, StoreError if a checkpoint is damaged
 */
export async function findTeam(
  team: string | TeamFile,
  overrides: readonly Override[] = [],
): Promise<FoundTeam> {
  if (typeof team !== 'string') return { resolved: resolveTeam(team, overrides), stored: undefined };
  const stored = await findStoredTeam(team);
  if (stored === undefined && statSync(team, { throwIfNoEntry: false })?.isFile() !== true)
    throw new ConfigError(
      `${team}: expected a run folder, a checkpoint inside one or a team file, got ${existsSync(team) ? 'a folder that is neither' : 'nothing there'}`,
    );
  const path = stored ? join(stored.run, CONFIG_FILE) : team;
  if (stored && !existsSync(path))
    throw new ConfigError(
      `${team}: expected a checkpoint inside its run, got one without ${path}; keep it in the run's folder, or name its agents' folders as models of a team file`,
    );
  const resolved = stored ? resolveRunConfig(path, overrides) : resolveConfig(path, overrides);
  if (stored) requireSameSize(resolved, stored);
  return { resolved, stored };
}

/** Emits a warning if a run has a newer team than its champion. */
export function warnIfNotNewest(
  stored: StoredTeam | undefined,
  { onEvent }: Pick<UseCaseOptions<WarningEvent>, 'onEvent'>,
): void {
  if (stored?.newest === undefined) return;
  const { run, checkpoint, newest } = stored;
  const used = checkpoint === checkpointName(0) ? `${checkpoint}, with which the run started` : checkpoint;
  const path = join(relative(process.cwd(), run), CHECKPOINTS, newest);
  onEvent?.({
    kind: 'warning',
    message: `this is the team of ${used}, because no promotion test has proved that a later team is better; for the newest team, name ${shellPath(path)}`,
  });
}

/** @param team - path of a team file, or a team file as an object */
export function resolveTeam(team: string | TeamFile, overrides: readonly Override[] = []): ResolvedConfig {
  return typeof team === 'string' ? resolveConfig(team, overrides) : resolveConfigObject(team, { overrides });
}

/** @throws ConfigError if overrides change the number of agents of a trained team */
export function requireSameSize(resolved: ResolvedConfig, { checkpoint, agents }: StoredTeam): void {
  const requested = resolved.config.agents.length;
  if (requested === agents.length) return;
  throw resolved.problem([
    { path: ['agents'], message: `expected the ${agents.length} agents of ${checkpoint}, got ${requested}` },
  ]);
}

/**
 * Adds an override that replaces the task. The whole section `task` is replaced, because its options belong
 * to one task.
 */
export function withTask(overrides: readonly Override[], task: string | undefined): readonly Override[] {
  if (task === undefined) return overrides;
  return [{ flag: '--task', path: ['task'], value: { name: task } }, ...overrides];
}
