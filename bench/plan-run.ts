/**
 * Plans or trains a short run in a separate process; prints the result as JSON.
 * @see plan.ts
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PlanResult, plan } from '../src/app/plan.ts';
import { train } from '../src/app/train.ts';
import type { Override } from '../src/config/overrides.ts';
import type { MachineRates } from '../src/plan/rates.ts';
import type { UpdateRecord } from '../src/train/events.ts';

export interface PlanJob {
  /** `replan` uses the rates that `plan` measured. */
  readonly what: 'plan' | 'train' | 'replan';
  /** Folder with rows.jsonl; the run and the rates are written to it. */
  readonly folder: string;
  readonly model: string;
  readonly clock: 'wall' | 'cpu';
  readonly overrides: Readonly<Record<string, unknown>>;
  /** Facts of the run, for `replan`. */
  readonly facts?: Pick<TrainedRun, 'messageTokens' | 'activeShare' | 'attempts'>;
}

export interface PlannedRun {
  /** Time of the plan itself, s. */
  readonly seconds: number;
  readonly load: number;
  /** Planned time of the run by phase and in all, s. */
  readonly phases: Readonly<Record<string, number>>;
  readonly total: number;
  readonly tokens: number;
  readonly memoryBytes: number;
  readonly activeShare: number;
}

export interface TrainedRun {
  readonly phases: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly tokens: number;
  readonly peakBytes: number;
  /** Share of groups with different rewards. */
  readonly activeShare: number;
  /** Mean tokens of a message. */
  readonly messageTokens: number;
  /** Mean attempts per update. */
  readonly attempts: number;
}

export interface Ratios {
  readonly time: number;
  readonly tokens: number;
  readonly memory: number;
  readonly phases: Readonly<Record<string, number>>;
}

const job = JSON.parse(process.argv[2] ?? '{}') as PlanJob; // plan.ts writes it
const RATES = join(job.folder, 'rates.json');
const STAGES = 2;

const team = {
  name: 'bench',
  base: job.model,
  agents: 3,
  task: { name: 'jsonl', path: join(job.folder, 'rows.jsonl') },
  engine: { lora_rank: 8 },
  train: { stages: STAGES, prompts_per_step: 4, num_generations: 4, max_completion_length: 16 },
  // small steps, so that updates are accepted at the first attempt
  optimizer: { learning_rate: 1e-6 },
  gate: { kind: 'off' as const },
  eval: { prompts: 4, k: 1 },
};
const overrides: Override[] = Object.entries(job.overrides).map(([path, value]) => ({
  ...{ flag: `--${path}`, path: path.split('.'), value },
}));

function now(): number {
  const { user, system } = process.cpuUsage();
  return job.clock === 'cpu' ? (user + system) / 1e6 : performance.now() / 1000;
}

async function planned(): Promise<PlannedRun> {
  const started = now();
  const result = await plan({ config: team, overrides, clock: now, saveMachine: RATES });
  return summary(result, now() - started, 0);
}

/** Plans with the measured rates, and with the lengths, the share and the attempts of the run. */
async function replanned({ messageTokens, activeShare, attempts }: NonNullable<PlanJob['facts']>) {
  const rates = JSON.parse(readFileSync(RATES, 'utf8')) as MachineRates;
  const agents = rates.agents.map((agent) => {
    const { messageLengths: lengths } = agent;
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    return { ...agent, messageLengths: lengths.map((length) => (length * messageTokens) / mean) };
  });
  writeFileSync(RATES, JSON.stringify({ ...rates, agents, activeShare }));
  return summary(await plan({ config: team, overrides, machine: RATES }), 0, attempts - 1);
}

function summary({ plan: given, machine, stages }: PlanResult, seconds: number, retries: number): PlannedRun {
  const { rollout, score, update, divergence, evaluate, certificate } = given.stage.phases;
  const phases = {
    start: given.startSeconds + given.checkpointSeconds,
    rollout: stages * rollout,
    score: stages * score,
    update: stages * update,
    divergence: stages * (divergence + retries * given.retrySeconds) + given.probeSeconds,
    evaluate: given.evaluationSeconds + stages * evaluate,
    gate: given.gates * given.gateSeconds + stages * certificate,
  };
  const total = Object.values(phases).reduce((sum, value) => sum + value, 0);
  const { tokens, memoryBytes } = given;
  return {
    ...{ seconds, phases, total, tokens, memoryBytes },
    load: machine.loadSeconds,
    activeShare: machine.activeShare,
  };
}

async function trained(): Promise<TrainedRun> {
  const phases: Record<string, number> = {};
  const updates: UpdateRecord[] = [];
  let [phase, since, tokens] = ['start', now(), 0];
  const started = since;
  const enter = (next: string): void => {
    phases[phase] = (phases[phase] ?? 0) + now() - since;
    since = now();
    phase = next;
  };
  const run = train({
    config: team,
    overrides,
    run: join(job.folder, 'run'),
    onEvent(event) {
      if (event.kind === 'phase') enter(event.phase === 'checkpoint' ? 'start' : event.phase);
      if (event.kind === 'update') updates.push(event);
      if (event.kind === 'stage_finished') tokens += event.tokens;
      if (event.kind === 'stage_finished') enter('start');
    },
  });
  await run.result;
  enter('start');
  const mean = (of: (update: UpdateRecord) => number): number =>
    updates.reduce((sum, update) => sum + of(update), 0) / updates.length;
  // VmHWM is the peak memory of this process alone; maxRSS can include memory of the parent at the time of the
  // fork
  const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  return {
    ...{ phases, seconds: now() - started, tokens, peakBytes: 1024 * peakKb },
    activeShare: 1 - mean(({ fracRewardZeroStd }) => fracRewardZeroStd),
    messageTokens: mean(({ meanLength }) => meanLength),
    attempts: mean(({ attempts }) => Math.max(1, attempts.length)),
  };
}

const result = await (job.what === 'plan'
  ? planned()
  : job.what === 'train'
    ? trained()
    : replanned(job.facts as NonNullable<PlanJob['facts']>));
console.log(JSON.stringify(result));
