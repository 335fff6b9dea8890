/**
 * What can be known before a run writes anything: whether the models and options can carry it.
 * @module
 */
import { dkwMinimumSize, orderStatisticMinimumSize } from '../core/quantile.ts';
import { ConfigError } from '../support/errors.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import type { TrainOptions } from './options.ts';

/** @throws ConfigError in one sentence, naming the first thing that cannot work */
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
        `agent "${name}": expected a model that can be trained and gives exact divergences (gate 1 needs them, E27 and E36), got one of ${trainable ? 'no exact divergences' : 'fixed weights'}; choose another engine for it`,
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

/** What the stage loop cannot do together. */
function checkScheme({ protocol }: Team, { credit, rolloutMode, updateSchedule, gate }: TrainOptions): void {
  if (credit === 'own' && protocol.agentsAnswer !== true)
    throw new ConfigError(
      `credit: expected team with protocol ${protocol.name}, where members give no answers of their own, got own; choose vote, debate or parts`,
    );
  if (credit === 'own' && rolloutMode === 'reuse')
    throw new ConfigError(
      'credit: expected team with rollout_mode reuse, where one batch of the whole team serves everybody, got own; choose rollout_mode fresh',
    );
  if (updateSchedule === 'simultaneous' && gate.kind === 'step')
    throw new ConfigError(
      'update_schedule: expected sequential with gate kind step, which tests each update in the team it was made for (E64), got simultaneous; choose gate kind promotion or off',
    );
}

/** What works but does less than it seems to. */
export function startWarnings(options: TrainOptions): string[] {
  const { promptsPerStep, numGenerations, minibatchSize, numIterations, beta } = options;
  const steps = numIterations * Math.ceil((promptsPerStep * numGenerations) / minibatchSize);
  if (steps >= 2 || beta === 0) return [];
  return [
    `beta has no effect with a single optimiser step per update: the KL term's slope is 0 where the step starts; the trust region still holds`,
  ];
}
