/**
 * `troupe eval TEAM`: how good a team is, with intervals.
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Override } from '../config/overrides.ts';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, type StoredTeam } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import { SPLITS } from '../task/split.ts';
import type { Split } from '../task/task.ts';
import { defaultTranscripts, evaluate } from './evaluation.ts';
import { type DefineVerb, OVERRIDE_HELP } from './verb.ts';

interface EvalFlags {
  readonly task?: string;
  readonly k?: number;
  readonly prompts?: number;
  readonly split: Split;
  readonly transcripts?: string;
  readonly json?: boolean;
}

export const defineEval: DefineVerb = (program, { overrides }) => {
  program
    .command('eval')
    .description('measure a team: avg@K, pass@K, maj@K with 95% intervals')
    .argument('<team>', 'run folder (its champion), checkpoint inside one, or team file (YAML)')
    .option('--task <name>', "task, with its own defaults (default: the team's)")
    .option('-k <samples>', 'samples per prompt (default: eval.k)', positiveInteger)
    .option('--prompts <count>', 'prompts (default: eval.prompts)', positiveInteger)
    .addOption(new Option('--split <split>', 'prompts to measure on').choices(SPLITS).default('heldout'))
    .option('--transcripts <file>', 'where every transcript goes (default: evaluations/ in the run)')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (team: string, flags: EvalFlags) => {
      const { resolved, stored } = await findTeam(team, withTask(overrides, flags.task));
      const { config } = resolved;
      if (stored) requireSameSize(resolved, stored);
      const name = stored?.checkpoint ?? config.name;
      await evaluate({
        resolved,
        title: stored ? `${relative(process.cwd(), stored.run) || '.'} ${stored.checkpoint}` : config.name,
        ...(stored ? { folders: stored.agents } : {}),
        split: flags.split,
        samples: flags.k ?? config.eval.k,
        prompts: flags.prompts ?? config.eval.prompts,
        transcripts:
          flags.transcripts ??
          defaultTranscripts(stored?.run, { name, task: config.task.name, split: flags.split }),
        json: flags.json ?? false,
      });
    });
};

async function findTeam(
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
function requireSameSize(resolved: ResolvedConfig, { checkpoint, agents }: StoredTeam): void {
  const asked = resolved.config.agents.length;
  if (asked === agents.length) return;
  throw resolved.problem([
    { path: ['agents'], message: `expected the ${agents.length} agents of ${checkpoint}, got ${asked}` },
  ]);
}

/** Another task comes with its own options: those of the team's task would be unknown to it. */
function withTask(overrides: readonly Override[], task: string | undefined): readonly Override[] {
  if (task === undefined) return overrides;
  return [{ flag: '--task', path: ['task'], value: { name: task } }, ...overrides];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected an integer >= 1');
  return value;
}
