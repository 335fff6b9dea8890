/**
 * Checks of models and options before a run writes anything.
 * @module
 */
import { dkwMinimumSize, orderStatisticMinimumSize } from '../core/quantile.ts';
import { ConfigError } from '../support/errors.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import { DEFAULT_BETA, type TrainOptions } from './options.ts';

/**
 * Checks that the team's models, the task and the options support a training run.
 *
 * @throws ConfigError with one sentence about the first problem
 */
export function checkRun({
  team,
  task,
  options,
}: {
  readonly team: Team;
  readonly task: Task;
  readonly options: TrainOptions;
}): void {
  for (const { name, model } of team.agents) {
    const { trainable, exactKl } = model.capabilities;
    if (!trainable || !exactKl)
      throw new ConfigError(
        `agent "${name}": expected a trainable model with exact divergences, which the trust region needs, got one with ${trainable ? 'approximate divergences' : 'fixed weights'}; choose another engine`,
      );
  }
  checkScheme(team, options);
  if (task.size('train') === 0)
    throw new ConfigError(`task ${task.name}: expected at least one prompt in its train split, got none`);
  const available = task.size('test') ?? options.stageEvaluationPrompts;
  if (available < options.stageEvaluationPrompts)
    throw new ConfigError(
      `eval.stage_prompts: expected at most the ${available} prompts of the test split of task ${task.name}, got ${options.stageEvaluationPrompts}`,
    );
  const { slack, quantile, slackConfidence } = options.trustRegion;
  if (slack === 'none') return;
  const tail = { alpha: 1 - quantile, eta: slackConfidence };
  const needed = slack === 'dkw' ? dkwMinimumSize(tail) : orderStatisticMinimumSize(tail);
  const trajectories = options.promptsPerStep * options.numGenerations;
  if (trajectories < needed)
    throw new ConfigError(
      `slack: expected at least ${needed} episodes per update for "${slack}" at quantile ${quantile}, got ${options.promptsPerStep} prompts x ${options.numGenerations} = ${trajectories}; raise prompts_per_step or num_generations, or set slack: none`,
    );
}

/** Rejects combinations of options that exclude each other. */
function checkScheme({ protocol }: Team, { credit, rolloutMode, updateSchedule, gate }: TrainOptions): void {
  if (credit === 'own' && protocol.agentsAnswer !== true)
    throw new ConfigError(
      `credit: expected team with protocol ${protocol.name}, in which single agents give no answers, got own; choose vote, debate or parts`,
    );
  if (credit === 'own' && rolloutMode === 'reuse')
    throw new ConfigError(
      'credit: expected team with rollout_mode reuse, in which all agents learn from one batch of the team, got own; choose rollout_mode fresh',
    );
  if (updateSchedule === 'simultaneous' && gate.kind === 'step')
    throw new ConfigError(
      'update_schedule: expected sequential with gate kind step, which tests updates one after the other, got simultaneous; choose gate kind promotion or off',
    );
}

/** Returns warnings about options that have no effect. */
export function startWarnings(options: TrainOptions, task: Task): string[] {
  return [...penaltyWarnings(options), ...gateWarnings(options, task), ...testSplitWarnings(options, task)];
}

/** Prompts that a promotion test takes to prove a large gain: 29 to 61 in six tests, for reward gains of 0.19 to 0.33. */
const TEST_PROMPTS = 40;

function gateWarnings({ gate, stages }: TrainOptions, task: Task): string[] {
  const prompts = task.size('validation');
  if (gate.kind === 'off' || prompts === undefined) return [];
  if (prompts > 0) {
    const tests = gate.kind === 'promotion' ? Math.ceil(stages / gate.every) : 1;
    if (tests < 2 || prompts >= tests * TEST_PROMPTS) return [];
    return [
      `the validation split of task ${task.name} has ${prompts} prompts for ${tests} promotion tests, each of which takes about ${TEST_PROMPTS} even if the gain is large; the first tests may use all prompts, and then the champion stays an earlier team; give the task more records, or set gate.every: ${stages} for one test of the last team`,
    ];
  }
  return [
    `the validation split of task ${task.name} is empty, so no acceptance test can run and no gain can be proved; give the task more records, or set gate.kind: off`,
  ];
}

function testSplitWarnings({ evalPrompts }: TrainOptions, task: Task): string[] {
  const prompts = task.size('test');
  if (prompts === undefined || prompts >= evalPrompts) return [];
  return [
    `the test split of task ${task.name} has ${prompts} prompts, and eval.prompts is ${evalPrompts}; the closing comparison uses ${prompts}`,
  ];
}

function penaltyWarnings(options: TrainOptions): string[] {
  const { promptsPerStep, numGenerations, minibatchSize, numIterations, beta } = options;
  const steps = numIterations * Math.ceil((promptsPerStep * numGenerations) / minibatchSize);
  // a run that keeps the default needs no warning about it
  if (steps >= 2 || beta === 0 || beta === DEFAULT_BETA) return [];
  return [
    `loss.beta ${beta} has no effect with a single optimizer step per update, because the gradient of the KL term is 0 at the start; the trust region is still enforced`,
  ];
}
