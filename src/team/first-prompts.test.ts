import { describe, expect, it } from 'vitest';
import { createLetterTask } from '../train/testing/letter-task.ts';
import { firstPrompts } from './first-prompts.ts';

describe('firstPrompts', () => {
  it('leaves out the prompts that the task skips', () => {
    const task = {
      ...createLetterTask({ sizes: { train: 4 } }),
      isSkipped: (_: string, i: number) => i % 2 === 0,
    };
    expect(firstPrompts(task, 'train', 3).map(({ id }) => id)).toEqual(['train-1', 'train-3']);
  });

  it('ends in a split without end in which every prompt is skipped', () => {
    expect(firstPrompts({ ...createLetterTask(), isSkipped: () => true }, 'train', 1)).toEqual([]);
  });
});
