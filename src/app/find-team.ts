/**
 * The team a word on the command line names: a run, a checkpoint inside one, or a team file.
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Override } from '../config/overrides.ts';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, type StoredTeam } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';

/** @throws ConfigError if the word names none, StoreError if a checkpoint is damaged */
export async function findTeam(
  team: string,
  overrides: readonly Override[],
): Promise<{ readonly resolved: ResolvedConfig; readonly stored: StoredTeam | undefined }> {
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
  return { resolved: resolveConfig(path, overrides), stored };
}

/** A checkpoint has as many agents as it has. @throws ConfigError */
export function requireSameSize(resolved: ResolvedConfig, { checkpoint, agents }: StoredTeam): void {
  const asked = resolved.config.agents.length;
  if (asked === agents.length) return;
  throw resolved.problem([
    { path: ['agents'], message: `expected the ${agents.length} agents of ${checkpoint}, got ${asked}` },
  ]);
}

/** Another task comes with its own options: those of the team's task would be unknown to it. */
export function withTask(overrides: readonly Override[], task: string | undefined): readonly Override[] {
  if (task === undefined) return overrides;
  return [{ flag: '--task', path: ['task'], value: { name: task } }, ...overrides];
}
