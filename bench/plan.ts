/**
 * Compares `troupe plan` with the run that it plans: a short training with adapters. Prints the planned
 * values divided by the measured ones: time (in all and by phase), tokens and peak memory. Plan and run are
 * separate processes, one after the other, so that their peak memory is measured separately.
 *
 * A short run draws few groups, so its share of groups with a gradient and its lengths of messages differ from
 * their means. The bench therefore prints a second plan from the same rates with the share, the lengths and the
 * number of attempts of the run. Its ratios show the error of the cost model alone.
 *
 * Options by environment variable:
 *   TROUPE_BENCH_MODEL     folder of a checkpoint with a chat template; default: a random model
 *   TROUPE_BENCH_SHAPE     shape of the random model; default smollm2-135m
 *   TROUPE_BENCH_CLOCK     wall (default), or cpu: CPU time of the process, for a machine with other load
 *   TROUPE_BENCH_OVERRIDES settings as JSON by dotted path, e.g. {"train.num_iterations": 2}
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeRandomModel } from './model-shapes.ts';
import type { PlanJob, PlannedRun, Ratios, TrainedRun } from './plan-run.ts';

/** URL of the loader that `node --import` needs to run TypeScript. */
const TYPESCRIPT = new URL('../scripts/typescript.mjs', import.meta.url).href;

export async function benchPlan(log: (line: string) => void): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-plan-'));
  try {
    return compare(folder, log);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compare(folder: string, log: (line: string) => void): object {
  const { TROUPE_BENCH_MODEL: given, TROUPE_BENCH_SHAPE: shape = 'smollm2-135m' } = process.env;
  const clock = process.env.TROUPE_BENCH_CLOCK === 'cpu' ? 'cpu' : 'wall';
  if (given === undefined) writeRandomModel(join(folder, 'model'), shape);
  const overrides = JSON.parse(process.env.TROUPE_BENCH_OVERRIDES ?? '{}') as Record<string, unknown>;
  const job: Omit<PlanJob, 'what'> = {
    folder,
    model: given ?? join(folder, 'model'),
    clock,
    overrides: { 'task.verifier': given === undefined ? 'exact' : 'numeric', ...overrides },
  };
  writeRows(join(folder, 'rows.jsonl'), given !== undefined);
  const planned = inProcess<PlannedRun>({ ...job, what: 'plan' });
  log(
    `plan: measured in ${planned.seconds.toFixed(1)} s (${clock}), of which loading ${planned.load.toFixed(1)} s`,
  );
  const trained = inProcess<TrainedRun>({ ...job, what: 'train' });
  log(
    `run: ${trained.seconds.toFixed(1)} s, ${trained.tokens} tokens, ${(trained.peakBytes / 1e9).toFixed(2)} GB, ` +
      `${(100 * trained.activeShare).toFixed(0)}% of groups active (planned ${(100 * planned.activeShare).toFixed(0)}%), ` +
      `messages of ${trained.messageTokens.toFixed(1)} tokens, ${trained.attempts.toFixed(1)} attempts per update`,
  );
  const asPlanned = ratios(planned, trained);
  const { messageTokens, activeShare, attempts } = trained;
  const again = inProcess<PlannedRun>({
    ...job,
    what: 'replan',
    facts: { messageTokens, activeShare, attempts },
  });
  const costModel = ratios(again, trained);
  show('plan / run', asPlanned, log);
  show('with the share, lengths and attempts of the run', costModel, log);
  return { planned, trained, asPlanned, costModel };
}

/** Writes a task: numbers to compare, or letters for a random model, whose tokenizer has no digits. */
function writeRows(path: string, isReal: boolean): void {
  const rows = Array.from({ length: 200 }, (_, k) => {
    const [a, b] = [(37 * k) % 89, (53 * k + 7) % 97];
    return isReal
      ? {
          prompt: `Which number is larger, ${a} or ${b}? Reply with the number only.`,
          answer: `${Math.max(a, b)}`,
        }
      : { prompt: 'abcdefgh'.repeat(6).slice(k % 8, 40 + (k % 7)) + 'abcdefgh'[k % 8], answer: 'a' };
  });
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

function inProcess<T>(job: PlanJob): T {
  const script = new URL('plan-run.ts', import.meta.url).pathname;
  const output = execFileSync(process.execPath, ['--import', TYPESCRIPT, script, JSON.stringify(job)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as T; // plan-run.ts prints it
}

function ratios(planned: PlannedRun, trained: TrainedRun): Ratios {
  const phases = Object.entries(planned.phases).filter(([phase]) => (trained.phases[phase] ?? 0) > 0);
  return {
    time: planned.total / trained.seconds,
    tokens: planned.tokens / trained.tokens,
    memory: planned.memoryBytes / trained.peakBytes,
    phases: Object.fromEntries(
      phases.map(([phase, value]) => [phase, value / (trained.phases[phase] as number)]),
    ),
  };
}

function show(label: string, { time, tokens, memory, phases }: Ratios, log: (line: string) => void): void {
  const parts = Object.entries(phases).map(([phase, ratio]) => `${phase} ${ratio.toFixed(2)}`);
  log(
    `${label}: time ${time.toFixed(2)} (${parts.join(', ')}), tokens ${tokens.toFixed(2)}, memory ${memory.toFixed(2)} (aim: 0.75 to 1.25)`,
  );
}
