/**
 * Charts of a run's cost: throughput, time by phase, memory. They are not part of `report.md`, because they
 * change if a run is repeated and the report must be reproducible. Pure functions. No Node imports, because
 * the dashboard's page bundles this file.
 * @module
 */

import { stageMs, timedStages } from '../../run-view/pace.ts';
import type { RunView } from '../../run-view/run-view.ts';
import type { Phase } from '../../train/events.ts';
import type { Series } from '../svg-chart.ts';
import { points, type RunChart, stageAxis } from './chart.ts';

/** A phase of a stage; `other` is the time outside of all phases. */
export type TimedPhase = Phase | 'other';

/** All phases, in the order in which the time chart stacks them. */
export const PHASES: readonly TimedPhase[] = [
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
      'Tokens sampled for training per second: during rollouts, and over whole stages including updates, tests and evaluations.',
    whenEmpty: 'The first stage is not finished yet.',
  };
}

/** Charts the duration of each stage, seconds, stacked by phase. */
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
    reading: 'Wall-clock seconds of each stage, stacked by phase; the top edge is the duration of the stage.',
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
      'Largest resident memory of the training process in each stage, without the workers of other engines.',
    whenEmpty: 'This run recorded no memory.',
  };
}

/** Minimum share of the run's time for a phase to be shown. */
const MIN_SHARE = 5e-4;

/** Total time of each phase in the run, ms, longest first. Omits phases below `MIN_SHARE` of the time. */
export function totalPhases(view: RunView): { readonly phase: TimedPhase; readonly ms: number }[] {
  const clocks = [...view.stages.values()].flatMap(({ clock }) => clock ?? []);
  const times = PHASES.map((phase) => ({
    phase,
    ms: clocks.reduce((sum, { phases }) => sum + (phases[phase] ?? 0), 0),
  }));
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  return times.filter(({ ms }) => ms > MIN_SHARE * total).sort((a, b) => b.ms - a.ms);
}
