/**
 * Charts of a run's results: team reward, reward and accuracy of each agent, certified and measured gains.
 * Pure functions. No Node imports, because the dashboard's page bundles this file.
 * @module
 */

import type { RunView } from '../../run-view/run-view.ts';
import { agentName, finishedStages, gatesOf, stageEvaluations, updatesOf } from '../../run-view/selectors.ts';
import type { Guide, Series } from '../svg-chart.ts';
import { points, type RunChart, short, stageAxis } from './chart.ts';

/** Half the width of a 95% interval, in standard errors. */
const Z95 = 1.96;

/** Charts the team's mean reward in the training episodes and the stage evaluations, with 95% intervals. */
export function rewardChart(view: RunView): RunChart {
  const stages = finishedStages(view);
  const evaluations = stageEvaluations(view);
  const test: Series = {
    name: 'test prompts',
    points: evaluations.map(({ stage, mean }) => [stage, mean]),
    band: evaluations.map(({ stage, low, high }) => [stage, low, high]),
    colour: 1,
  };
  const training: Series = {
    name: 'training episodes',
    points: points(stages, ({ stage, reward }) => [stage, reward]),
    band: stages.flatMap(({ stage, reward, rewardSe }) =>
      reward === undefined || rewardSe === undefined
        ? []
        : [[stage, reward - Z95 * rewardSe, reward + Z95 * rewardSe] as const],
    ),
    colour: 0,
  };
  return {
    id: 'reward',
    title: 'Team reward',
    x: stageAxis(),
    y: { label: 'mean reward' },
    unit: 'reward',
    series: evaluations.length === 0 ? [training] : [training, test],
    guides: championGuides(view),
    reading:
      'Mean reward per stage with 95% intervals: of the training episodes, sampled before the updates of the stage, and on the same test prompts after every stage.',
    whenEmpty: 'The first stage is not finished yet.',
  };
}

function championGuides(view: RunView): Guide[] {
  return gatesOf(view)
    .filter(({ gate, decision }) => gate === 'promotion' && decision !== 'keep')
    .map(({ stage, decision }) => ({
      x: stage,
      label: decision === 'promote' ? 'promoted' : 'rolled back',
    }));
}

/** Charts, for each agent, the mean reward of the episodes that its update used. */
export function agentRewardChart(view: RunView): RunChart {
  return {
    id: 'agent-reward',
    title: 'Reward of each agent’s batch',
    x: stageAxis(),
    y: { label: 'mean reward' },
    unit: 'reward',
    series: view.agents.map((name, id) => {
      const updates = updatesOf(view, id);
      return {
        name: short(name),
        points: points(updates, ({ stage, reward }) => [stage, reward]),
        band: updates.flatMap(({ stage, reward, rewardSe }) =>
          rewardSe === undefined ? [] : [[stage, reward - Z95 * rewardSe, reward + Z95 * rewardSe] as const],
        ),
        colour: id,
      };
    }),
    reading:
      'Mean team reward of the episodes that each agent was updated on, with 95% intervals. With sequential updates, the episodes of a later agent are sampled after the updates of the earlier agents in the same stage.',
    whenEmpty: 'No agent was updated yet.',
  };
}

/** Charts the accuracy of each agent's own answers on test prompts, and the team's reward. */
export function agentAccuracyChart(view: RunView): RunChart {
  const rows = stageEvaluations(view);
  const accuracies = view.agents.map(
    (name, id): Series => ({
      name: short(name),
      points: points(rows, ({ stage, agents: shares }) => [stage, shares?.[id]]),
      colour: id,
    }),
  );
  const hasAgentAccuracy = accuracies.some(({ points }) => points.length > 0);
  return {
    id: 'agent-accuracy',
    title: 'Agents’ own accuracy on test prompts',
    x: stageAxis(),
    y: { label: 'share of correct answers' },
    unit: 'share',
    series: hasAgentAccuracy
      ? [
          ...accuracies,
          {
            name: 'team (reward)',
            points: rows.map(({ stage, mean }) => [stage, mean]),
            dashed: true,
            colour: 6,
          },
        ]
      : [],
    reading:
      'Share of correct answers among each agent’s own last messages on the test prompts; dashed: the mean reward of the team’s answer.',
    whenEmpty:
      'Needs stage evaluations (eval.stage_prompts) and a protocol in which every agent gives an answer (vote, debate).',
  };
}

/** Charts the certified lower bound, the estimate and the measurement of the gain of each stage. */
export function certificateChart(view: RunView): RunChart {
  const stages = finishedStages(view).filter(({ certificate }) => certificate !== undefined);
  const measured = stageEvaluations(view).flatMap(({ stage, change }) =>
    change === undefined ? [] : [{ stage, ...change }],
  );
  return {
    id: 'certificate',
    title: 'Certified gain against measured gain',
    x: stageAxis(),
    y: { label: 'gain of the stage, reward' },
    unit: 'reward',
    series:
      stages.length === 0
        ? []
        : [
            {
              name: 'certified at least',
              points: points(stages, ({ stage, certificate }) => [stage, certificate?.gainLower]),
              colour: 2,
            },
            {
              name: 'estimated',
              points: points(stages, ({ stage, certificate }) => [stage, certificate?.gainMean]),
              dashed: true,
              colour: 2,
            },
            {
              name: 'measured on test prompts',
              points: measured.map(({ stage, mean }) => [stage, mean]),
              band: measured.map(({ stage, low, high }) => [stage, low, high]),
              colour: 1,
            },
          ],
    reading:
      'Lower bound and conservative estimate of each stage’s gain, and the paired change on test prompts with its 95% interval. The bound may exceed the true gain in at most a share of certificate.confidence of the stages.',
    whenEmpty: 'This run computes no certificates; set certificate.prompts.',
  };
}

/** Returns the name of an agent, shortened for legends and titles. */
export function legendName(view: RunView, agent: number): string {
  return short(agentName(view, agent));
}
