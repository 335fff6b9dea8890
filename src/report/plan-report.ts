/**
 * Renders the plan of a run, made before the run starts, as a table: estimated time, tokens, floating-point
 * operations and memory.
 * @module
 */
import type { Plan } from '../plan/cost.ts';
import { GPUS, type GpuPlan, type GpuUse } from '../plan/gpu.ts';
import { type MachineRates, meanMessage } from '../plan/rates.ts';
import { count, duration } from './format.ts';
import { textTable } from './text-table.ts';

const GIB = 2 ** 30;

export interface PlanFacts {
  readonly plan: Plan;
  readonly machine: MachineRates;
  readonly stages: number;
  readonly gpu?: GpuPlan;
}

export function renderPlan({ plan, machine, stages, gpu }: PlanFacts): string {
  const rows = gpu ? gpuRows(plan, machine, gpu) : machineRows(plan, machine);
  return `${textTable([...runRows(plan, stages), ...rows])}\n`;
}

type Row = readonly [label: string, value: string];

/** Phases of a stage that take no time, such as certificates without prompts, are left out. */
function runRows({ stage, seconds, ...plan }: Plan, stages: number): Row[] {
  const phases = Object.entries(stage.phases).filter(([, value]) => value > 0);
  const byPhase = phases.map(([phase, value]) => `${phase} ${time(value)}`);
  return [
    ['one stage', `${time(stage.seconds)}: ${byPhase.join(', ')}`],
    ['', `${count(stage.tokens)} tokens sampled, ${flops(stage.flops)}`],
    ['stages', `${stages}: ${time(stages * stage.seconds)}`],
    ...(plan.probeSeconds === 0
      ? []
      : [['first updates', `${time(plan.probeSeconds)} for one probe of every agent`] as const]),
    ['promotion tests', plan.gates === 0 ? 'none' : `${plan.gates}, at most ${time(plan.gateSeconds)} each`],
    ['closing comparison', time(plan.evaluationSeconds)],
    [
      'the run',
      `${time(seconds.least)} to ${time(seconds.most)} (${(seconds.most / 3600).toFixed(2)} h), ${count(plan.tokens)} tokens, ${flops(plan.flops)}`,
    ],
  ];
}

function machineRows(plan: Plan, { agents, activeShare, assumptions }: MachineRates): Row[] {
  const messages = agents.map((agent) => Math.round(meanMessage(agent)));
  const [shortest, longest] = [Math.min(...messages), Math.max(...messages)];
  const lengths = shortest === longest ? `${longest}` : `${shortest} to ${longest}`;
  const assumed = [
    ...assumptions,
    `every update is accepted at its first attempt; one more attempt of every agent takes ${time(plan.retrySeconds)} per stage`,
  ];
  return [
    ['memory', `${(plan.memoryBytes / 1e9).toFixed(1)} GB`],
    [
      'sampled',
      `messages of ${lengths} tokens on average, ${share(activeShare)} of groups with different rewards`,
    ],
    ...assumed.map((sentence, k): Row => [k === 0 ? 'assumed' : '', sentence]),
  ];
}

/** Formats a time, s. Short times keep a digit, so that no phase is shown as 0. */
function time(seconds: number): string {
  return seconds < 10 && seconds > 0 ? `${seconds.toPrecision(2)}s` : duration(1000 * seconds);
}

function gpuRows({ seconds }: Plan, { agents: [rates] }: MachineRates, gpu: GpuPlan): Row[] {
  const { name, assumptions: assumed, use } = gpu;
  const message = rates?.sampling.message ?? 0;
  return [
    ['GPU-hours', gpuHours(seconds, use)],
    ['memory per GPU', gpuMemory(gpu)],
    [
      'assumed',
      `${name} at ${share(assumed.computeShare)} of its peak and ${share(assumed.bandwidthShare)} of its bandwidth, prompts of ${assumed.promptTokens} and messages of ${assumed.messageTokens} tokens, ${share(assumed.activeShare)} of groups with different rewards; not measured`,
    ],
    // This row shows the time of one message, so that users can compute the time of an evaluation.
    ['a benchmark', `${message.toPrecision(3)} s a message of the team: prompts x k x agents of them`],
  ];
}

function gpuHours({ least, most }: Plan['seconds'], { agents, gpusPerAgent }: GpuUse): string {
  const cards = agents * gpusPerAgent;
  const hours = (value: number): string => ((cards * value) / 3600).toPrecision(3);
  return `${hours(least)} to ${hours(most)}: ${cards} ${cards === 1 ? 'card' : 'cards'} for ${duration(1000 * least)} to ${duration(1000 * most)}`;
}

function gpuMemory({ name, gpu, use, memoryBytes }: GpuPlan): string {
  const cards = Math.min(1, use.gpusPerAgent);
  const available = gpu.memoryBytes * cards;
  const gib = (value: number): string => (value / GIB).toFixed(0);
  const need = `${gib(memoryBytes)} GiB and activations of ${gib(available)}`;
  if (memoryBytes <= available) return need;
  const larger = Object.entries(GPUS).find(([, one]) => one.memoryBytes * cards >= memoryBytes);
  const advice = larger === undefined ? 'no GPU listed here has enough' : `${larger[0]} has enough`;
  return `${need}: ${gib(memoryBytes - available)} GiB too little on ${name}; ${advice}, several GPUs can share an agent (ray.gpus_per_agent), and adapters (engine.lora_rank) need a fraction`;
}

function flops(value: number): string {
  const [unit, size] = value < 1e15 ? ['TFLOP', 1e12] : ['PFLOP', 1e15];
  return `${(value / (size as number)).toFixed(1)} ${unit}`;
}

function share(value: number): string {
  return `${Math.round(100 * value)}%`;
}
