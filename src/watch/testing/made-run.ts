/**
 * Creates synthetic run folders for tests and benchmarks without training a model. The events have the real
 * schema, and their numbers are drawn from a seed. A run can have any number of stages.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '../../core/rng.ts';
import type { GateRecord, RunEvent, UpdateRecord } from '../../train/events.ts';
import { metricsOf } from '../../train/metrics.ts';
import { trainOptions } from '../../train/testing/world.ts';

export interface MadeRunOptions {
  readonly stages: number;
  readonly agents: number;
  /** Names of the agents; default `agent_0`, `agent_1`, ... */
  readonly names?: readonly string[];
  /** Number of finished stages; default `stages`. A smaller number makes a stopped run. */
  readonly played?: number;
  readonly stageEvaluationPrompts?: number;
  readonly seed?: number;
  readonly name?: string;
}

const CONFIG = `seed: 1
algorithm: sat
protocol:
  kind: vote
task:
  name: made-up
trust_region:
  quantile: 0.99
  gate: enforce
gate:
  kind: promotion
  n_plan: 60
`;

/** Returns the events of a synthetic run, in order. */
export function madeEvents(options: MadeRunOptions): RunEvent[] {
  const { stages, agents, played = stages, stageEvaluationPrompts = 100, seed = 1 } = options;
  const stream = randomStream(seed);
  const names = options.names ?? Array.from({ length: agents }, (_, id) => `agent_${id}`);
  const progress = (stage: number): number => 0.3 + 0.5 * (1 - Math.exp(-stage / (stages / 3)));
  const evaluation = (stage: number): RunEvent => ({
    kind: 'stage_evaluation',
    stage,
    rewards: Array.from({ length: stageEvaluationPrompts }, () => Number(stream.uniform() < progress(stage))),
    agents: names.map(() => progress(stage) - 0.1 * stream.uniform()),
  });
  const events: RunEvent[] = [
    { kind: 'run_started', stages, agents: names, fromStage: 0 },
    ...(stageEvaluationPrompts > 0 ? [evaluation(0)] : []),
    { kind: 'checkpoint', stage: 0, name: 'stage-0000' },
  ];
  for (let stage = 1; stage <= played; stage++) {
    events.push({ kind: 'stage_started', stage, order: names.map((_, id) => id) });
    for (let agent = 0; agent < agents; agent++) {
      const reward = progress(stage) + 0.05 * (stream.uniform() - 0.5);
      events.push({ kind: 'rollout', stage, agent, reward, trajectories: 64, tokens: 900 });
      events.push({ kind: 'update', ...madeUpdate({ stage, agent, reward, draw: () => stream.uniform() }) });
    }
    const reward = progress(stage);
    const gainMean = 0.01 * stream.uniform();
    events.push({
      ...{ kind: 'stage_finished', stage, reward, rewardSe: 0.02, accepted: agents, tokens: 900 * agents },
      certificate: { prompts: 64, delta: 0.05, gainMean, gainLower: gainMean - 0.2, paperBound: -3 },
    });
    if (stage % 5 === 0) events.push({ kind: 'gate', stage, ...madeGate(stage, stream.uniform()) });
    if (stageEvaluationPrompts > 0) events.push(evaluation(stage));
  }
  return played < stages ? events : [...events, { kind: 'run_finished', stage: stages }];
}

function madeUpdate({
  stage,
  agent,
  reward,
  draw,
}: {
  readonly stage: number;
  readonly agent: number;
  readonly reward: number;
  readonly draw: () => number;
}): UpdateRecord {
  const kind = draw();
  const status = kind < 0.06 ? 'REJECT_KL' : kind < 0.08 ? 'SKIP' : kind < 0.09 ? 'REJECT_NAN' : 'ACCEPT';
  const tries = status === 'SKIP' ? 0 : status === 'ACCEPT' ? (kind < 0.3 ? 2 : 1) : 3;
  const attempts = Array.from({ length: tries }, (_, attempt) => {
    const accepted = status === 'ACCEPT' && attempt === tries - 1;
    const klQuantile = accepted ? 0.05 * draw() : 0.05 + 0.2 * draw();
    return {
      ...{ attempt, beta: 0.001, lrScale: 0.5 ** attempt, klQuantile },
      ...{ klMean: klQuantile / 8, klMax: klQuantile * 1.4 },
      klQuantiles: [0.001, 0.01, 0.05, 0.2, 0.6, 1].map((share) => share * klQuantile),
      ...{ klMessageMean: klQuantile / 4, tvMean: klQuantile / 3, accepted },
      ...(!accepted && { reason: 'kl_quantile' as const }),
    };
  });
  return {
    ...{ stage, agent, status, attempts, betaNext: 0.001 * (0.5 + draw()), lrScaleNext: 0.5 + draw() },
    ...{ targetKl: 0.05, reward, rewardSe: 0.03, rewardStd: 0.4, fracRewardZeroStd: 0.2 * draw() },
    ...{ loss: 0.01, clipRatio: 0.05 * draw(), gradNorm: 1 + draw(), entropy: 0.6 + 0.2 * draw() },
    ...(status === 'ACCEPT' && { kl: attempts.at(-1)!.klMean }),
    ...{ meanLength: 14, clippedRatio: 0.01, trajectories: 64, tokens: 900, logpMismatchMax: 1e-6 },
  };
}

function madeGate(stage: number, draw: number): GateRecord {
  const index = stage / 5;
  const alpha = (0.05 * 6) / (Math.PI * index) ** 2;
  const wealth = draw < 0.3 ? 1.2 / alpha : 0.4;
  const harmWealth = draw > 0.95 ? 1.1 / alpha : 0.02;
  const decision = draw < 0.3 ? 'promote' : draw > 0.95 ? 'rollback' : 'keep';
  return {
    ...{ gate: 'promotion', index, alpha, prompts: 60, wealth, harmWealth, meanDifference: 0.04, decision },
    path: Array.from({ length: 60 }, (_, n) => [
      n + 1,
      wealth ** ((n + 1) / 60),
      harmWealth ** ((n + 1) / 60),
    ]),
  };
}

/** Writes a synthetic run into a folder. */
export function makeRun(dir: string, options: MadeRunOptions): void {
  const events = madeEvents(options);
  for (const folder of ['', 'checkpoints', 'completions']) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'config.yaml'), `name: ${options.name ?? 'made'}\n${CONFIG}`);
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ format: 2, troupe: '0.1.0', cores: 2 }));
  writeFileSync(join(dir, 'events.jsonl'), lines(events));
  const rows = events.flatMap((event) => metricsOf(event, { options: trainOptions(), tokens: 1 }) ?? []);
  writeFileSync(join(dir, 'metrics.jsonl'), lines(rows));
  writeFileSync(join(dir, 'timings.jsonl'), lines(timings(events)));
  for (let stage = 0; stage <= (options.played ?? options.stages); stage++)
    writeFileSync(
      join(dir, 'completions', `stage-${String(stage).padStart(4, '0')}.jsonl`),
      lines(madeTranscripts(stage, options.agents)),
    );
}

function lines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/**
 * Returns the lines of `timings.jsonl`, 0.5 s apart. Before the line of a rollout or an update comes the line
 * of its phase.
 */
function timings(events: readonly RunEvent[]): object[] {
  let ms = Date.UTC(2026, 0, 1);
  const next = (): string => {
    ms += 500;
    return new Date(ms).toISOString();
  };
  return events.flatMap((event) => {
    const origin = {
      ...('stage' in event && { stage: event.stage }),
      ...('agent' in event && { agent: event.agent }),
    };
    const phase =
      event.kind === 'rollout' || event.kind === 'update'
        ? [{ time: next(), kind: 'phase', ...origin, phase: event.kind }]
        : [];
    return [...phase, { time: next(), kind: event.kind, ...origin, rss_bytes: 5e8 + (ms % 1e6) }];
  });
}

function madeTranscripts(stage: number, agents: number): object[] {
  return Array.from({ length: 4 }, (_, n) => ({
    ...{ stage, split: 'test', item: `test-${n}`, sample: 0, prompt: `${n}+${n + 1}=` },
    messages: Array.from({ length: agents }, (__, agent) => ({
      ...{ turn: 0, agent, text: `the sum after stage ${stage} is ${2 * n + 1 + (agent % 2)}` },
    })),
    ...{
      answer: String(2 * n + 1),
      correct: stage > 1,
      reason: `expected ${2 * n + 1}`,
      reward: Number(stage > 1),
    },
  }));
}
