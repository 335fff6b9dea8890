/**
 * `troupe eval TEAM`: how good a team is, with intervals.
 * @module
 */
import { relative } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { defaultTranscripts, evaluate } from '../../app/evaluate.ts';
import { findTeam, requireSameSize, withTask } from '../../app/find-team.ts';
import { ConfigError } from '../../support/errors.ts';
import { SPLITS } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import { type BenchmarkFlagWords, evaluateOnBenchmarks, isBenchmarking } from '../benchmark-request.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

interface EvalFlags extends BenchmarkFlagWords {
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
    .argument('[team]', 'run folder (its champion), checkpoint inside one, or team file (YAML)')
    .option('--task <name>', "task, with its own defaults (default: the team's)")
    .option('-k <samples>', 'samples per prompt (default: eval.k)', positiveInteger)
    .option('--prompts <count>', 'prompts (default: eval.prompts)', positiveInteger)
    .addOption(new Option('--split <split>', 'prompts to measure on').choices(SPLITS).default('test'))
    .option('--transcripts <file>', 'where every transcript goes (default: evaluations/ in the run)')
    .option(
      '--benchmark <names>',
      'benchmarks, comma-separated, or all of eval.benchmarks ("troupe tasks" lists them)',
    )
    .option('--data <folder>', 'where the files of benchmarks are (default: eval.data)')
    .option('--temperature <t>', "of benchmarks (default: the paper's)", positiveNumber)
    .option('--max-tokens <count>', "of a message in benchmarks (default: the paper's)", positiveInteger)
    .addOption(
      new Option(
        '--early-stop <rule>',
        'stop sampling when the vote is decided (default: eval.early_stop)',
      ).choices(['off', 'exact', 'probable']),
    )
    .option('--against <team>', 'another team, or the folder of its evaluation: paired differences')
    .option('--out <folder>', 'folder of the evaluation (default: evaluations/ in the run)')
    .option('--resume [folder]', 'go on with an evaluation that was stopped')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (team: string | undefined, flags: EvalFlags) => {
      if (isBenchmarking(flags)) return evaluateOnBenchmarks({ team, flags, overrides });
      if (team === undefined) throw new ConfigError('eval: expected a team, got nothing');
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

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected an integer >= 1');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('expected a number > 0');
  return value;
}
