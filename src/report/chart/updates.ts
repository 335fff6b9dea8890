/**
 * Charts of the updates: KL and trust-region radius, KL coefficient (beta) and step size, acceptance tests,
 * replacement of models (handover), and indicators of the policies' health such as entropy. Pure functions.
 * No Node imports, because the dashboard's page bundles this file.
 * @module
 */

import type { GateView, RunView } from '../../run-view/run-view.ts';
import { gatesOf, updatesOf } from '../../run-view/selectors.ts';
import { KL_LEVELS, type UpdateRecord } from '../../train/events.ts';
import type { Series } from '../svg-chart.ts';
import { points, type RunChart, short, stageAxis } from './chart.ts';
import { legendName } from './learning.ts';

/** Lowest KL on the chart, nats. Smaller values are drawn at this one, because a log axis has no zero. */
const KL_FLOOR = 1e-5;

const LOW = KL_LEVELS.indexOf(0.05);
const MEDIAN = KL_LEVELS.indexOf(0.5);
const HIGH = KL_LEVELS.indexOf(0.95);

/** Charts the distribution over tokens of the exact KL of one agent's updates, and the radius. */
export function klChart(view: RunView, agent: number): RunChart {
  const updates = updatesOf(view, agent).filter(({ attempts }) => attempts.length > 0);
  const last = (update: UpdateRecord) => update.attempts.at(-1)!;
  const floored = (value: number | null | undefined) =>
    typeof value === 'number' ? Math.max(value, KL_FLOOR) : undefined;
  const retried = updates.flatMap(({ stage, attempts }) =>
    attempts.flatMap(({ klQuantile, accepted }) => (accepted ? [] : [[stage, floored(klQuantile)] as const])),
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
        points: points(updates, (update) => [update.stage, floored(last(update).klQuantile)]),
        colour: 0,
      },
      {
        name: 'median, 5-95%',
        points: points(updates, (update) => [update.stage, floored(last(update).klQuantiles?.[MEDIAN])]),
        band: updates.flatMap((update) => {
          const { klQuantiles } = last(update);
          if (klQuantiles === undefined) return [];
          return [[update.stage, floored(klQuantiles[LOW])!, floored(klQuantiles[HIGH])!] as const];
        }),
        bandOpacity: 0.14,
        colour: 0,
        dashed: true,
      },
      {
        name: 'largest',
        points: points(updates, (update) => [update.stage, floored(last(update).klMax)]),
        colour: 5,
        dashed: true,
      },
      {
        name: 'rejected attempts',
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
      'Exact KL of the update at the agent’s own token states: the quantile that the trust region limits, the median with the middle 90%, the largest value, and rejected attempts. An update is accepted only below the radius. Values below 1e-5 are drawn at 1e-5.',
    whenEmpty: 'This agent was not updated yet.',
  };
}

/** Builds a chart with one line per agent, which shows a number of each update. */
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
      'Weight of the KL term at the start of each agent’s next update: it grows after a violation and shrinks after small steps.',
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
      'Factor on the learning rate at the start of each agent’s next update: a backtrack halves it, a small accepted step increases it.',
    whenEmpty: 'No agent was updated yet.',
  });
}

/** Charts the final wealth of every betting test, divided by the wealth that proves its claim. */
export function wealthChart(view: RunView): RunChart {
  const gates = gatesOf(view);
  return {
    id: 'wealth',
    title: 'Betting tests',
    x: stageAxis(),
    y: { label: 'wealth, share of the needed one', log: true },
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
      'Wealth of both bets at the end of each test, divided by 1/alpha: a bet is won at 1. Without a gain, the bet on a gain reaches 1 with probability at most alpha.',
    whenEmpty: 'No test was made yet.',
  };
}

/** Charts, for one betting test, the wealth of the bet on a gain and of the bet on harm after each prompt. */
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
      'Wealth of the bets on a gain and on harm after every paired prompt; the test ends when one of them reaches the dashed line.',
    whenEmpty: 'This run recorded only the final wealth of its tests.',
  };
}

/** Charts the progress of agents whose model is being replaced; empty if the run replaces no model. */
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
        name: short(`${name}, minimum`),
        points: points(steps, ({ stage, handover }) => [stage, handover?.weightMin]),
        colour: agent,
        dashed: true,
      },
    ]),
    reading:
      'Weight of the new model in the mixture, mean and minimum over the agent’s own token states; at a minimum of 1 the old model is no longer used.',
    whenEmpty: 'No agent is being replaced in this run.',
  };
}

/** Builds one chart for each indicator of the policies' health, such as entropy or message length. */
export function healthCharts(view: RunView): RunChart[] {
  const whenEmpty = 'No agent was updated yet.';
  return [
    perAgent(view, ({ entropy }) => entropy, {
      id: 'entropy',
      title: 'Entropy',
      y: { label: 'nats per token' },
      unit: 'nats',
      reading: 'Entropy of each policy before its update; near 0 the policy no longer explores.',
      whenEmpty,
    }),
    perAgent(view, ({ fracRewardZeroStd }) => fracRewardZeroStd, {
      id: 'no-signal',
      title: 'Prompts without signal',
      y: { label: 'share of prompts' },
      unit: 'share',
      reading: 'Share of prompts whose episodes all have the same reward, which gives no learning signal.',
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
      title: 'Messages cut off',
      y: { label: 'share of messages' },
      unit: 'share',
      reading: 'Share of messages that were cut off at train.max_completion_length.',
      whenEmpty,
    }),
    perAgent(view, ({ rewardedClippedRatio }) => rewardedClippedRatio, {
      id: 'cut-rewarded',
      title: 'Messages with a right answer cut off',
      y: { label: 'share of messages' },
      unit: 'share',
      reading:
        'Share of cut-off messages among those of episodes with a correct answer; a rising share shows that cut-off messages are rewarded (train.truncated).',
      whenEmpty,
    }),
    perAgent(view, ({ gradNorm }) => gradNorm, {
      id: 'grad-norm',
      title: 'Gradient norm',
      y: { label: 'L2 norm before clipping' },
      unit: 'plain',
      reading: 'Norm of the gradient, averaged over the steps of the last attempt.',
      whenEmpty,
    }),
    perAgent(view, ({ clipRatio }) => clipRatio, {
      id: 'clip-ratio',
      title: 'Clipped episodes',
      y: { label: 'share of episodes' },
      unit: 'share',
      reading: 'Share of episodes whose gradient is 0 because their ratio is clipped.',
      whenEmpty,
    }),
  ];
}
