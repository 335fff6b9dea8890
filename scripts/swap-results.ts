/**
 * `npm run swap-results -- [--seeds 1,2,3] [--stages K] [--out FILE]`: reproduces the paper's table of
 * swaps with small models. It trains a SAT team of three agents and replaces one, two or three of its agents
 * by larger ones, or one by a smaller one. For comparison it trains a static heterogeneous team from scratch.
 * Runs are stored in `runs/swap`; a run that already exists is not repeated. This script measures every
 * number of the table.
 * @see docs/results/swap.md
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Composition, closeTeam, compose, loadTeam } from '../src/app/compose.ts';
import { evaluationStream } from '../src/app/evaluation-stream.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { mean, pairedDifferenceInterval } from '../src/core/stats.ts';
import { evaluateTeam, type TeamEvaluation } from '../src/evaluate/evaluate.ts';
import { percent, points } from '../src/report/format.ts';
import { markdownTable } from '../src/report/text-table.ts';
import { findStoredTeam, readEvents } from '../src/store/read-run.ts';
import type { Team } from '../src/team/team.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RECIPES = join(ROOT, 'recipes/swap');
const RUNS = join(ROOT, 'runs/swap');
const LARGE = join(RECIPES, 'large-base');
const TINY = join(RECIPES, 'tiny-base');

/** One row of the table: the agents that are replaced, and the replacement model. */
interface Row {
  readonly name: string;
  readonly seats: readonly number[];
  readonly model: string;
}

const ROWS: readonly Row[] = [
  { name: '1 of 3 by a larger model', seats: [2], model: LARGE },
  { name: '2 of 3 by larger models', seats: [1, 2], model: LARGE },
  { name: '3 of 3 by larger models', seats: [0, 1, 2], model: LARGE },
  { name: '1 of 3 by a smaller model', seats: [2], model: TINY },
];

/** Results of one row for one seed; accuracies 0..1. */
interface Outcome {
  readonly before: TeamEvaluation;
  readonly raw: TeamEvaluation;
  readonly stage0: TeamEvaluation;
  readonly after: TeamEvaluation;
  /** Share of attempted updates, in the first stage after the swap, that left the trust region. */
  readonly violations: number;
  readonly parametersBefore: number;
  readonly parametersAfter: number;
  /** Number of agents whose handover is finished, so that the replacement acts without the incumbent. */
  readonly alone: number;
}

function troupe(...args: string[]): void {
  process.stderr.write(`troupe ${args.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [join(ROOT, 'bin/troupe.mjs'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`troupe ${args.join(' ')}: expected exit code 0, got ${status}`);
}

/** Returns whether a run is finished. Finished runs are reused; interrupted runs are resumed. */
function finished(run: string): boolean {
  return existsSync(join(run, 'report.md'));
}

function trainRun(run: string, config: string, ...flags: string[]): void {
  if (finished(run)) return;
  if (existsSync(run)) troupe('train', '--resume', run);
  else troupe('train', join(RECIPES, config), '--run', run, ...flags);
}

/**
 * Swaps the row's agents one after the other. Returns the folder of the last swap, which has all
 * replacements.
 */
function swapped(from: string, row: Row, { mode, to }: { mode: string; to: string }): string {
  return row.seats.reduce((team, seat) => {
    const out = `${to}-${mode}-${seat}`;
    // 100 prompts are enough for a swap; the table evaluates every team separately, on more prompts
    if (!existsSync(out))
      troupe(
        'swap',
        team,
        '--agent',
        `${seat}`,
        '--with',
        row.model,
        '--mode',
        mode,
        '--out',
        out,
        '--eval.prompts',
        '100',
      );
    return out;
  }, from);
}

async function measured(
  run: string,
  seed: number,
): Promise<{ evaluation: TeamEvaluation; parameters: number }> {
  const stored = await findStoredTeam(newestCheckpoint(run));
  if (stored === undefined) throw new Error(`${run}: expected a run with a checkpoint`);
  const composition: Composition = await compose(resolveConfig(join(run, 'config.yaml')));
  let team: Team | undefined;
  try {
    team = await loadTeam(composition, { folders: stored.agents });
    const evaluation = await evaluateTeam(team, composition.task, {
      label: run,
      split: 'test',
      prompts: 500,
      samples: 2,
      temperature: composition.config.train.temperature,
      maxTokens: composition.config.train.max_completion_length,
      stream: evaluationStream(seed),
    });
    return {
      evaluation,
      parameters: team.agents.reduce((sum, { model }) => sum + model.parameterCount, 0),
    };
  } finally {
    await closeTeam(team);
    await composition.engine.close();
  }
}

/** Returns the newest checkpoint of a run, whether or not it passed an acceptance test. */
function newestCheckpoint(run: string): string {
  const events = readEvents(run);
  const names = events.flatMap((event) => (event.kind === 'checkpoint' ? [event.name] : []));
  return join(run, 'checkpoints', names.at(-1) ?? 'stage-0000');
}

async function outcomeOf(row: Row, seed: number, stages: number): Promise<Outcome> {
  const base = join(RUNS, `seed-${seed}`, 'team');
  const to = join(RUNS, `seed-${seed}`, row.name.replaceAll(' ', '-'));
  const raw = swapped(base, row, { mode: 'raw', to });
  const stage0 = swapped(base, row, { mode: 'mixture', to });
  const [before, swappedRaw, start] = [
    await measured(base, seed),
    await measured(raw, seed),
    await measured(stage0, seed),
  ];
  if (!finished(stage0)) troupe('train', '--resume', stage0, '--train.stages', `${stages}`);
  const after = await measured(stage0, seed);
  const first = readEvents(stage0).flatMap((event) =>
    event.kind === 'update' && event.stage === 1 ? event.attempts : [],
  );
  const handovers = readEvents(stage0).flatMap((event) =>
    event.kind === 'update' && event.handover?.finished ? [event.agent] : [],
  );
  return {
    before: before.evaluation,
    raw: swappedRaw.evaluation,
    stage0: start.evaluation,
    after: after.evaluation,
    violations: mean(first.map(({ accepted }) => Number(!accepted))),
    parametersBefore: before.parameters,
    parametersAfter: after.parameters,
    alone: new Set(handovers).size,
  };
}

/**
 * Trains a static team of one small and two large agents from scratch for the given number of stages, and
 * evaluates it.
 */
async function heterogeneous(seed: number, stages: number): Promise<TeamEvaluation> {
  const run = join(RUNS, `seed-${seed}`, 'heterogeneous');
  trainRun(
    run,
    'small.yaml',
    '--seed',
    `${seed}`,
    '--train.stages',
    `${stages}`,
    ...[1, 2].flatMap((seat) => ['--set', `agents.${seat}.model=${LARGE}`]),
  );
  return (await measured(run, seed)).evaluation;
}

/** Formats the mean gain over seeds, with the paired confidence interval over the prompts of all seeds. */
function gainOf(outcomes: readonly Outcome[]): string {
  const differences = outcomes.flatMap(({ before, after }) =>
    Array.from(after.team.avg.perPrompt, (value, p) => value - (before.team.avg.perPrompt[p] as number)),
  );
  return points(pairedDifferenceInterval(differences));
}

function accuracyOf(outcomes: readonly Outcome[], name: 'before' | 'raw' | 'stage0' | 'after'): string {
  return percent(mean(outcomes.map((outcome) => outcome[name].team.avg.mean)));
}

function rowOf(row: Row, outcomes: readonly Outcome[]): string[] {
  const [first] = outcomes;
  const sizes = `${((first?.parametersBefore ?? 0) / 1e6).toFixed(2)}M to ${((first?.parametersAfter ?? 0) / 1e6).toFixed(2)}M`;
  return [
    row.name,
    ...(['before', 'raw', 'stage0', 'after'] as const).map((name) => accuracyOf(outcomes, name)),
    gainOf(outcomes),
    percent(mean(outcomes.map(({ violations }) => violations))),
    `${outcomes.reduce((sum, { alone }) => sum + alone, 0)} of ${outcomes.length * row.seats.length}`,
    sizes,
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1,2,3' },
      stages: { type: 'string', default: '15' },
      out: { type: 'string' },
    },
  });
  const seeds = values.seeds.split(',').map(Number);
  const stages = Number(values.stages);
  for (const size of ['small', 'large', 'tiny']) troupe('pretrain', join(RECIPES, `${size}.yaml`));
  for (const seed of seeds) {
    mkdirSync(join(RUNS, `seed-${seed}`), { recursive: true });
    trainRun(join(RUNS, `seed-${seed}`, 'team'), 'small.yaml', '--seed', `${seed}`);
  }
  const rows: string[][] = [];
  for (const row of ROWS) {
    const outcomes: Outcome[] = [];
    for (const seed of seeds) outcomes.push(await outcomeOf(row, seed, stages));
    rows.push(rowOf(row, outcomes));
  }
  const together: TeamEvaluation[] = [];
  const trained = resolveConfig(join(RECIPES, 'small.yaml')).config.train.stages;
  for (const seed of seeds) together.push(await heterogeneous(seed, trained + stages));
  const table = [
    markdownTable(
      [
        [
          'replaced',
          'before',
          'raw',
          'Stage-0',
          `after ${stages} stages`,
          'gain, points',
          'violations',
          'alone',
          'parameters',
        ],
        ...rows,
      ],
      ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
    ),
    '',
    `A static team of one small and two larger models, trained from scratch for ${trained + stages} stages: ${percent(mean(together.map(({ team }) => team.avg.mean)))}.`,
    '',
  ].join('\n');
  process.stdout.write(`${table}\n`);
  if (values.out !== undefined) {
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(values.out, withTable(values.out, table));
  }
}

/**
 * Returns the file's text with the table between its markers; a new file gets the markers, too. @throws Error
 * if an existing file lacks them
 */
function withTable(file: string, table: string): string {
  const [start, end] = ['<!-- table -->', '<!-- /table -->'];
  const text = existsSync(file) ? readFileSync(file, 'utf8') : `${start}\n${end}\n`;
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${file}: expected ${start} and ${end}, got a file without them`);
  return `${text.slice(0, from + start.length)}\n${table}${text.slice(to)}`;
}

await main();
