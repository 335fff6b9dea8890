/**
 * Pictures of the two gates: divergence against its radius, beta and step size, betting tests; and of how
 * healthy the policies are. Pure; needs no Node, because pages import it.
 * @module
 */

import type { GateView, RunView } from '../../run-view/run-view.ts';
import { gatesOf, updatesOf } from '../../run-view/selectors.ts';
import { KL_LEVELS, type UpdateRecord } from '../../train/events.ts';
import type { Series } from '../svg-chart.ts';
import { points, type RunChart, short, stageAxis } from './chart.ts';
import { legendName } from './learning.ts';

/** Zero has no place on a log axis; smaller divergences are drawn here, nats. */
const KL_FLOOR = 1e-5;

const LOW = KL_LEVELS.indexOf(0.05);
const MEDIAN = KL_LEVELS.indexOf(0.5);
const HIGH = KL_LEVELS.indexOf(0.95);

/** How the exact divergence of one agent's updates is spread, against the radius. */
export function klChart(view: RunView, agent: number): RunChart {
  const updates = updatesOf(view, agent).filter(({ attempts }) => attempts.length > 0);
  const last = (update: UpdateRecord) => update.attempts.at(-1)!;
  const above = (value: number | null | undefined) =>
    typeof value === 'number' ? Math.max(value, KL_FLOOR) : undefined;
  const retried = updates.flatMap(({ stage, attempts }) =>
    attempts.flatMap(({ klQuantile, accepted }) => (accepted ? [] : [[stage, above(klQuantile)] as const])),
  );
  return {
    id: `kl-agent-${agent}`,
    title: `Exact KL, ${legendName(view, agent)}`,
    x: stageAxis(),
    y: { label: 'KL(new || old), nats', log: true },
    unit: 'nats',
    series: [
      {
        name: 'tested quantile',
        points: points(updates, (update) => [update.stage, above(last(update).klQuantile)]),
        colour: 0,
      },
      {
        name: 'median, 5-95%',
        points: points(updates, (update) => [update.stage, above(last(update).klQuantiles?.[MEDIAN])]),
        band: updates.flatMap((update) => {
          const { klQuantiles } = last(update);
          if (klQuantiles === undefined) return [];
          return [[update.stage, above(klQuantiles[LOW])!, above(klQuantiles[HIGH])!] as const];
        }),
        bandOpacity: 0.14,
        colour: 0,
        dashed: true,
      },
      {
        name: 'largest',
        points: points(updates, (update) => [update.stage, above(last(update).klMax)]),
        colour: 5,
        dashed: true,
      },
      {
        name: 'refused attempts',
        points: points(retried, (one) => one),
        marks: true,
        colour: 1,
      },
      {
        name: 'radius',
        points: updates.map(({ stage, targetKl }) => [stage, targetKl]),
        dashed: true,
        colour: 6,
      },
    ],
    reading:
      'Exact KL of the update at the agent’s own token states: the quantile that gate 1 tests, the median with the middle 90%, the largest, and attempts that were refused. An update is kept only below the radius. What is below 1e-5 is drawn there.',
    whenEmpty: 'This agent was not updated yet.',
  };
}

/** A chart with one line per agent. */
function perAgent(
  view: RunView,
  value: (update: UpdateRecord) => number | null | undefined,
  rest: Omit<RunChart, 'x' | 'series'>,
): RunChart {
  return {
    ...rest,
    x: stageAxis(),
    series: view.agents.map(
      (name, id): Series => ({
        name: short(name),
        points: points(updatesOf(view, id), (update) => [update.stage, value(update)]),
        colour: id,
      }),
    ),
  };
}

export function betaChart(view: RunView): RunChart {
  return perAgent(view, ({ betaNext }) => (betaNext > 0 ? betaNext : undefined), {
    id: 'beta',
    title: 'beta',
    y: { label: 'weight of the KL term', log: true },
    unit: 'plain',
    reading:
      'Weight of the KL term that each agent’s next update starts with: it grows after a violation and shrinks after small steps.',
    whenEmpty: 'No agent was updated yet.',
  });
}

export function stepScaleChart(view: RunView): RunChart {
  return perAgent(view, ({ lrScaleNext }) => (lrScaleNext > 0 ? lrScaleNext : undefined), {
    id: 'step-scale',
    title: 'Step size',
    y: { label: 'factor on the learning rate', log: true },
    unit: 'plain',
    reading:
      'Factor on the learning rate that each agent’s next update starts with; a backtrack halves it, a small accepted step lets it grow.',
    whenEmpty: 'No agent was updated yet.',
  });
}

/** Final wealth of every test, in units of what proves it. */
export function wealthChart(view: RunView): RunChart {
  const gates = gatesOf(view);
  return {
    id: 'wealth',
    title: 'Betting tests',
    x: stageAxis(),
    y: { label: 'wealth, share of what proves it', log: true },
    unit: 'plain',
    series: [
      {
        name: 'bet on a gain',
        points: points(gates, ({ stage, wealth, alpha }) => [stage, Math.max(wealth * alpha, 1e-9)]),
        marks: true,
        colour: 2,
      },
      {
        name: 'bet on harm',
        points: points(gates, ({ stage, harmWealth, alpha }) => [stage, Math.max(harmWealth * alpha, 1e-9)]),
        marks: true,
        colour: 1,
      },
      { name: 'proved', points: gates.map(({ stage }) => [stage, 1]), dashed: true, colour: 6 },
    ],
    reading:
      'Wealth of both bets at the end of each test, divided by 1/alpha: at 1 the bet is won. Without a gain, the bet on one gets there with probability at most alpha.',
    whenEmpty: 'No test was made yet.',
  };
}

/** Both bets of one test, prompt by prompt. */
export function wealthPathChart({ index, stage, alpha, path = [] }: GateView): RunChart {
  const floored = (wealth: number) => Math.max(wealth, 1e-6);
  return {
    id: `wealth-test-${index}`,
    title: `Test ${index}, after stage ${stage}`,
    x: { label: 'paired prompts seen' },
    y: { label: 'wealth', log: true },
    unit: 'plain',
    series: [
      { name: 'bet on a gain', points: path.map(([n, wealth]) => [n, floored(wealth)]), colour: 2 },
      { name: 'bet on harm', points: path.map(([n, , harm]) => [n, floored(harm)]), colour: 1 },
      {
        name: `proof, ${Number((1 / alpha).toPrecision(3))}`,
        points: path.length === 0 ? [] : [path[0]!, path.at(-1)!].map(([n]) => [n, 1 / alpha]),
        dashed: true,
        colour: 6,
      },
    ],
    reading:
      'Wealth of the bets on a gain and on harm after every paired prompt; the first to reach the dashed line ends the test.',
    whenEmpty: 'The run was made by a version that kept only the last wealth.',
  };
}

/** How far agents have come that are being replaced; empty in a run without any. */
export function handoverChart(view: RunView): RunChart {
  const inSwap = view.agents.flatMap((name, agent) => {
    const steps = updatesOf(view, agent).filter(
      ({ status, handover }) => status === 'ACCEPT' && handover !== undefined,
    );
    return steps.length === 0 ? [] : [{ name, agent, steps }];
  });
  return {
    id: 'handover',
    title: 'Handover',
    x: stageAxis(),
    y: { label: 'weight of the replacement', range: [0, 1] },
    unit: 'share',
    series: inSwap.flatMap(({ name, agent, steps }): Series[] => [
      {
        name: short(name),
        points: points(steps, ({ stage, handover }) => [stage, handover?.weight]),
        colour: agent,
      },
      {
        name: short(`${name}, least`),
        points: points(steps, ({ stage, handover }) => [stage, handover?.weightMin]),
        colour: agent,
        dashed: true,
      },
    ]),
    reading:
      'Weight of the new model in the mixture, mean and least over the agent’s own token states; at a least weight of 1 it stands alone.',
    whenEmpty: 'No agent is being replaced in this run.',
  };
}

/** Signs of a policy's health, one chart each. */
export function healthCharts(view: RunView): RunChart[] {
  const whenEmpty = 'No agent was updated yet.';
  return [
    perAgent(view, ({ entropy }) => entropy, {
      id: 'entropy',
      title: 'Entropy',
      y: { label: 'nats per token' },
      unit: 'nats',
      reading: 'Entropy of each policy before its update; near 0 nothing is tried any more.',
      whenEmpty,
    }),
    perAgent(view, ({ fracRewardZeroStd }) => fracRewardZeroStd, {
      id: 'no-signal',
      title: 'Prompts without signal',
      y: { label: 'share of prompts' },
      unit: 'share',
      reading: 'Prompts whose episodes all have the same reward: they teach nothing.',
      whenEmpty,
    }),
    perAgent(view, ({ meanLength }) => meanLength, {
      id: 'length',
      title: 'Message length',
      y: { label: 'tokens' },
      unit: 'count',
      reading: 'Mean length of each agent’s messages.',
      whenEmpty,
    }),
    perAgent(view, ({ clippedRatio }) => clippedRatio, {
      id: 'cut',
      title: 'Messages cut at the limit',
      y: { label: 'share of messages' },
      unit: 'share',
      reading: 'Messages that were cut at train.max_completion_length.',
      whenEmpty,
    }),
    perAgent(view, ({ gradNorm }) => gradNorm, {
      id: 'grad-norm',
      title: 'Gradient norm',
      y: { label: 'L2 norm before clipping' },
      unit: 'plain',
      reading: 'Norm of the gradient, mean over the steps of the last attempt.',
      whenEmpty,
    }),
    perAgent(view, ({ clipRatio }) => clipRatio, {
      id: 'clip-ratio',
      title: 'Clipped episodes',
      y: { label: 'share of episodes' },
      unit: 'share',
      reading: 'Episodes whose gradient a clip holds at 0.',
      whenEmpty,
    }),
  ];
}
