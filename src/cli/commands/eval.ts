/**
 * `troupe eval TEAM` prints the scores of a team with confidence intervals, on a task or on benchmarks.
 * @module
 */
import { join, relative } from 'node:path';
import { Option } from 'commander';
import { evaluate } from '../../app/evaluate.ts';
import {
  type BenchmarkRequest,
  type BenchmarkResult,
  benchmarkNames,
  evaluateBenchmarks,
  resumeBenchmarks,
} from '../../app/evaluate-benchmarks.ts';
import type { UseCaseOptions } from '../../app/use-case.ts';
import type { Override } from '../../config/overrides.ts';
import { evaluationReportJson, renderEvaluationText } from '../../report/benchmark-report.ts';
import { evaluationJson, renderEvaluation } from '../../report/evaluation-report.ts';
import { ConfigError } from '../../support/errors.ts';
import { SPLITS } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import { positiveInteger, positiveNumber, splitName } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { withProgress } from '../with-progress.ts';

/**
 * Flags of evaluations that store their episodes in an evaluation folder. Setting one of them selects such an
 * evaluation.
 */
interface BenchmarkFlags {
  readonly benchmark?: string;
  readonly data?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly earlyStop?: NonNullable<BenchmarkRequest['earlyStop']>;
  readonly against?: string;
  readonly out?: string;
  readonly resume?: string | true;
}

interface EvalFlags extends BenchmarkFlags {
  readonly task?: string;
  readonly k?: number;
  readonly prompts?: number;
  readonly split: Split;
  readonly transcripts?: string;
  readonly json?: boolean;
}

export const defineEval: DefineCommand = (program, { overrides }) => {
  program
    .command('eval')
    .description('evaluate a team: avg@K, pass@K, maj@K with 95% intervals')
    .argument('[team]', 'run folder (its champion), checkpoint inside one, or team file (YAML)')
    .option('--task <name>', "task, with its own defaults (default: the team's)")
    .option('-k <samples>', 'samples per prompt (default: eval.k)', positiveInteger)
    .option('--prompts <count>', 'prompts (default: eval.prompts)', positiveInteger)
    .addOption(
      new Option('--split <split>', 'prompts to measure on')
        .choices(SPLITS)
        .argParser(splitName)
        .default('test'),
    )
    .option('--transcripts <file>', 'file for every transcript (default: evaluations/ in the run)')
    .option(
      '--benchmark <names>',
      'benchmarks, comma-separated, or all of eval.benchmarks ("troupe tasks" lists them)',
    )
    .option('--data <folder>', 'folder with the files of benchmarks (default: eval.data)')
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
      if (hasBenchmarkFlags(flags)) return evalBenchmarks(team, flags, overrides);
      if (team === undefined) throw new ConfigError('eval: expected a team, got nothing');
      const { task, split, k: samples, prompts, transcripts, json = false } = flags;
      const result = await withProgress('stopping', (options) =>
        evaluate({ team, overrides, task, split, samples, prompts, transcripts, ...options }),
      );
      process.stdout.write(json ? `${JSON.stringify(evaluationJson(result))}\n` : renderEvaluation(result));
    });
};

function hasBenchmarkFlags(flags: BenchmarkFlags): boolean {
  const { benchmark, data, temperature, maxTokens, earlyStop, against, out, resume } = flags;
  return [benchmark, data, temperature, maxTokens, earlyStop, against, out, resume].some(
    (flag) => flag !== undefined,
  );
}

async function evalBenchmarks(
  team: string | undefined,
  flags: EvalFlags,
  overrides: readonly Override[],
): Promise<void> {
  if (flags.transcripts !== undefined)
    throw new ConfigError(
      'eval --transcripts: expected no file for transcripts with flags of benchmarks, whose evaluation folder has all transcripts',
    );
  const { out, report, msPerPrompt } = await withProgress('stopping after what is under way', (options) =>
    runBenchmarks({ team, flags, overrides }, options),
  );
  const folder = relative(process.cwd(), join(out, 'report.md'));
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(evaluationReportJson(report))}\n`
      : `${renderEvaluationText(report, msPerPrompt)}\nreport        ${folder}\n`,
  );
}

interface EvalCommand {
  readonly team: string | undefined;
  readonly flags: EvalFlags;
  readonly overrides: readonly Override[];
}

async function runBenchmarks(
  { team, flags, overrides }: EvalCommand,
  options: UseCaseOptions,
): Promise<BenchmarkResult> {
  const { resume, against, task, data, earlyStop, out } = flags;
  if (typeof resume === 'string') {
    if (team !== undefined || overrides.length > 0)
      throw new ConfigError(
        `eval --resume ${resume}: expected nothing but the folder, got ${team ?? overrides[0]?.flag} too; or name the team and its flags again, and --resume last`,
      );
    return resumeBenchmarks({ folder: resume, against, ...options });
  }
  if (team === undefined) throw new ConfigError('eval: expected a team, got nothing; or --resume FOLDER');
  const { k, prompts, temperature, maxTokens, split } = flags;
  return evaluateBenchmarks({
    ...{ team, overrides, task, data, earlyStop, against, out },
    benchmarks: flags.benchmark === undefined ? undefined : benchmarkNames(flags.benchmark),
    // `--split test` is also the default of the flag; it must not override the split of a benchmark
    settings: { k, prompts, temperature, maxTokens, split: split === 'test' ? undefined : split },
    resume: resume === true,
    ...options,
  });
}
