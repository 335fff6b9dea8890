/**
 * From the words of `troupe eval TEAM --benchmark ...` to a request, and back again for `--resume FOLDER`.
 * @module
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type BenchmarkFlags, entriesOf, planBenchmarks, planOwnTask } from '../app/benchmark-tasks.ts';
import { type Contestant, evaluateBenchmarks } from '../app/evaluate-benchmarks.ts';
import { findTeam, requireSameSize, withTask } from '../app/find-team.ts';
import type { Override } from '../config/overrides.ts';
import { EVALUATION_FILE, readEvaluationRequest } from '../store/evaluation-folder.ts';
import { ConfigError } from '../support/errors.ts';
import type { Split } from '../task/task.ts';

/** Flags of `troupe eval` that are about benchmarks. */
export interface BenchmarkFlagWords {
  readonly benchmark?: string;
  readonly data?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly earlyStop?: string;
  readonly against?: string;
  readonly out?: string;
  readonly resume?: string | true;
}

interface Words extends BenchmarkFlagWords {
  readonly task?: string;
  readonly k?: number;
  readonly prompts?: number;
  readonly split: Split;
  readonly transcripts?: string;
  readonly json?: boolean;
}

/** One command line. */
interface Command {
  readonly team: string | undefined;
  readonly flags: Words;
  readonly overrides: readonly Override[];
}

/** Whether the words ask for an evaluation with a folder of its own. */
export function isBenchmarking(flags: BenchmarkFlagWords): boolean {
  const { benchmark, data, temperature, maxTokens, earlyStop, against, out, resume } = flags;
  return [benchmark, data, temperature, maxTokens, earlyStop, against, out, resume].some(
    (flag) => flag !== undefined,
  );
}

/** @throws TroupeError */
export async function evaluateOnBenchmarks(command: Command): Promise<void> {
  const { team, flags, overrides } = command;
  if (flags.transcripts !== undefined)
    throw new ConfigError(
      'eval --transcripts: expected no folder of its own for this evaluation, got one by other flags; it keeps all transcripts there',
    );
  if (typeof flags.resume === 'string') return evaluateOnBenchmarks(typedBefore(command, flags.resume));
  if (team === undefined) throw new ConfigError('eval: expected a team, got nothing; or --resume FOLDER');
  const given = [
    ...overrides,
    ...(flags.data === undefined
      ? []
      : [{ flag: '--data', path: ['eval', 'data'], value: resolve(flags.data) }]),
    ...(flags.earlyStop === undefined
      ? []
      : [{ flag: '--early-stop', path: ['eval', 'early_stop'], value: flags.earlyStop }]),
  ];
  const contestant = await contestantOf(team, withTask(given, flags.task));
  const { resolved } = contestant;
  const wanted: BenchmarkFlags = {
    ...(flags.k === undefined ? {} : { k: flags.k }),
    ...(flags.prompts === undefined ? {} : { prompts: flags.prompts }),
    ...(flags.temperature === undefined ? {} : { temperature: flags.temperature }),
    ...(flags.maxTokens === undefined ? {} : { maxTokens: flags.maxTokens }),
    ...(flags.split === 'test' ? {} : { split: flags.split }),
  };
  const names = flags.benchmark
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const benchmarks =
    names === undefined
      ? [await planOwnTask(resolved, wanted)]
      : await planBenchmarks(resolved, entriesOf(resolved, names), wanted);
  const out =
    flags.out ?? join(contestant.run ?? '.', 'evaluations', folderName(contestant.name, benchmarks));
  await evaluateBenchmarks({
    ...contestant,
    benchmarks,
    out,
    resume: flags.resume === true,
    ...(flags.against === undefined ? {} : { against: await opponent(flags.against) }),
    json: flags.json ?? false,
    command: typed(command),
  });
}

/** A team with what its folder is called after. */
async function contestantOf(
  team: string,
  overrides: readonly Override[],
): Promise<Contestant & { readonly run: string | undefined; readonly name: string }> {
  const { resolved, stored } = await findTeam(team, overrides);
  if (stored) requireSameSize(resolved, stored);
  const { name } = resolved.config;
  return {
    resolved,
    title: stored ? `${basename(stored.run)} ${stored.checkpoint}` : name,
    ...(stored ? { folders: stored.agents } : {}),
    run: stored?.run,
    name: stored?.checkpoint ?? name,
  };
}

async function opponent(against: string): Promise<Contestant | string> {
  return existsSync(join(against, EVALUATION_FILE)) ? against : contestantOf(against, []);
}

function folderName(team: string, benchmarks: readonly { readonly name: string }[]): string {
  const [first, ...more] = benchmarks.map(({ name }) => name);
  const suite = more.length > 2 ? `${first}-and-${more.length}-more` : [first, ...more].join('-');
  return `${team}-${suite}`.replaceAll(/[^\w.-]+/g, '-');
}

/** What `--resume FOLDER` types again; relative names stand for the same files wherever it is typed. */
function typed({ team, flags, overrides }: Command): object {
  const { resume: _resume, json: _json, out: _out, ...words } = flags;
  return {
    team: team === undefined ? undefined : resolve(team),
    flags: {
      ...words,
      ...(words.data === undefined ? {} : { data: resolve(words.data) }),
      ...(words.against === undefined ? {} : { against: resolve(words.against) }),
    },
    overrides,
  };
}

function typedBefore({ team, flags, overrides }: Command, folder: string): Command {
  const { resume: _, json, ...more } = flags;
  if (team !== undefined || overrides.length > 0)
    throw new ConfigError(
      `eval --resume ${folder}: expected nothing but the folder, got ${team ?? overrides[0]?.flag} too; or name the team and its flags again, and --resume last`,
    );
  const { command } = readEvaluationRequest(folder) as { readonly command?: Command }; // `typed` made it
  if (command === undefined)
    throw new ConfigError(
      `eval --resume ${folder}: expected an evaluation of one team, got a part of another`,
    );
  const against = more.against === undefined ? {} : { against: more.against };
  return {
    ...command,
    flags: {
      ...command.flags,
      ...against,
      out: folder,
      resume: true,
      ...(json === undefined ? {} : { json }),
    },
  };
}
