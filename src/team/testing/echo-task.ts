/** A task, models and options with which tests play short episodes. */
import { randomStream } from '../../core/rng.ts';
import type { Model } from '../../engine/engine.ts';
import { createTabularModel } from '../../engine/tabular/model.ts';
import { correct, incorrect } from '../../grade/verdict.ts';
import type { Task, TaskItem } from '../../task/task.ts';
import type { RolloutOptions } from '../rollout.ts';
import type { Protocol, Team } from '../team.ts';

/**
 * A task whose right answer is the letter of the prompt. The answer of a message is its whole text; an empty
 * text has none.
 */
export const echo: Task = {
  name: 'echo',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'abc'[index % 3] }),
  verify: ({ prompt }, text) =>
    text === ''
      ? { correct: false, reward: 0, reason: 'blank' }
      : text === prompt
        ? correct(text, 'yes')
        : incorrect(text, 'no'),
};

export const ALPHABET = 'abc';
/** Creates a model that writes short texts; its distribution depends on the seed. */
export const model = (seed: number): Model =>
  createTabularModel({ alphabet: ALPHABET, prior: { offsets: [0, 0, 0, 1], scale: 1, seed } });

export function teamOf(protocol: Protocol, models: readonly Model[] = [model(1), model(2), model(3)]): Team {
  return { protocol, agents: models.map((each, id) => ({ id, name: `agent ${id}`, model: each })) };
}

export const items = (count: number): TaskItem[] =>
  Array.from({ length: count }, (_, i) => echo.item('train', i));

export function options(more: Partial<RolloutOptions> = {}): RolloutOptions {
  return { items: items(4), samples: 3, temperature: 1, maxTokens: 4, stream: randomStream(7, 1), ...more };
}
