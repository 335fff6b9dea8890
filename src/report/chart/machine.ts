/**
 * Pictures of what a run costs: throughput, time by phase, memory. From the clock, so not part of a
 * report whose bytes must not depend on it. Pure; needs no Node, because pages import it.
 * @module
 */

import { stageMs, timedStages } from '../../run-view/pace.ts';
import type { RunView } from '../../run-view/run-view.ts';
import type { Phase } from '../../train/events.ts';
import type { Series } from '../svg-chart.ts';
import { points, type RunChart, stageAxis } from './chart.ts';

export type SpentPhase = Phase | 'other';

/** In the order they are stacked and listed. */
export const PHASES: readonly SpentPhase[] = [
  'rollout',
  'score',
  'update',
  'divergence',
  'gate',
  'evaluate',
  'checkpoint',
  'load',
  'pretrain',
  'other',
];

export function throughputChart(view: RunView): RunChart {
  const stages = timedStages(view);
  const perSecond = (tokens: number, ms: number | undefined): number | undefined =>
    ms !== undefined && ms > 0 ? (1000 * tokens) / ms : undefined;
  return {
    id: 'throughput',
    title: 'Throughput',
    x: stageAxis(),
    y: { label: 'sampled tokens per second' },
    unit: 'rate',
    series: [
      {
        name: 'while sampling',
        points: points(stages, ({ stage, tokens, clock }) => [
          stage,
          perSecond(tokens, clock.phases.rollout),
        ]),
        colour: 5,
      },
      {
        name: 'over the whole stage',
        points: points(stages, ({ stage, tokens, clock }) => [stage, perSecond(tokens, stageMs(clock))]),
        colour: 0,
      },
    ],
    reading:
      'Tokens sampled for training per second: of rollouts alone, and of whole stages with their updates, tests and measurements.',
    whenEmpty: 'The first stage is not finished yet.',
  };
}

/** Seconds of each stage, stacked by phase. */
export function phaseChart(view: RunView): RunChart {
  const stages = timedStages(view);
  const shown = new Set(totalPhases(view).map(({ phase }) => phase));
  const present = PHASES.filter((phase) => shown.has(phase));
  const series = present.map((phase, k): Series => {
    const below = present.slice(0, k);
    const edges = stages.map(({ stage, clock: { phases } }) => {
      const low = below.reduce((sum, name) => sum + (phases[name] ?? 0), 0) / 1000;
      return [stage, low, low + (phases[phase] ?? 0) / 1000] as const;
    });
    return {
      name: phase,
      points: edges.map(([stage, , high]) => [stage, high]),
      band: edges,
      bandOpacity: 0.55,
      colour: k,
    };
  });
  return {
    id: 'time',
    title: 'Time by phase',
    x: stageAxis(),
    y: { label: 'seconds per stage, stacked' },
    unit: 'seconds',
    series,
    reading:
      'Wall-clock seconds of each stage, one phase stacked on the other: the top edge is the whole stage.',
    whenEmpty: 'The first stage is not finished yet.',
  };
}

export function memoryChart(view: RunView): RunChart {
  const stages = timedStages(view);
  return {
    id: 'memory',
    title: 'Memory',
    x: stageAxis(),
    y: { label: 'resident bytes' },
    unit: 'bytes',
    series: [
      {
        name: 'training process',
        points: points(stages, ({ stage, clock }) => [stage, clock.rssBytes]),
        colour: 3,
      },
    ],
    reading:
      'Most resident memory of the training process seen in each stage; workers of other engines are not in it.',
    whenEmpty: 'This run recorded no memory.',
  };
}

/** What is less of the whole time is not worth a line. */
const LEAST_SHARE = 5e-4;

/** Time of the whole run by phase, ms, most first; what took next to nothing is left out. */
export function totalPhases(view: RunView): { readonly phase: SpentPhase; readonly ms: number }[] {
  const clocks = [...view.stages.values()].flatMap(({ clock }) => clock ?? []);
  const spent = PHASES.map((phase) => ({
    phase,
    ms: clocks.reduce((sum, { phases }) => sum + (phases[phase] ?? 0), 0),
  }));
  const total = spent.reduce((sum, { ms }) => sum + ms, 0);
  return spent.filter(({ ms }) => ms > LEAST_SHARE * total).sort((a, b) => b.ms - a.ms);
}
