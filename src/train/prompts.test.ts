import { describe, expect, it } from 'vitest';
import { TaskError } from '../support/errors.ts';
import { createPromptCursor } from './prompts.ts';
import { createLetterTask } from './testing/letter-task.ts';

function ids(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id);
}

describe('a prompt cursor', () => {
  it('reads an infinite split in order', () => {
    const cursor = createPromptCursor(createLetterTask(), 'train', { seed: 1, atEnd: 'reshuffle' });
    expect(cursor.remaining).toBeUndefined();
    expect(ids(cursor.take(2))).toEqual(['train-0', 'train-1']);
    expect(ids(cursor.take(1))).toEqual(['train-2']);
    expect(cursor.position).toBe(3);
  });

  it('returns every prompt of a finite train split once per pass, in a new order each time', () => {
    const task = createLetterTask({ sizes: { train: 7 } });
    const cursor = createPromptCursor(task, 'train', { seed: 1, atEnd: 'reshuffle' });
    const taken = ids(cursor.take(21));
    const passes = [taken.slice(0, 7), taken.slice(7, 14), taken.slice(14)];
    const all = Array.from({ length: 7 }, (_, index) => `train-${index}`);
    for (const pass of passes) expect([...pass].sort()).toEqual(all);
    expect(passes[0]).not.toEqual(all);
    expect(passes[1]).not.toEqual(passes[0]);
    expect(passes[2]).not.toEqual(passes[1]);
  });

  it('returns the same sequence for any batch sizes, and continues from a position', () => {
    const task = createLetterTask({ sizes: { train: 5 } });
    const at = (position: number) =>
      createPromptCursor(task, 'train', { seed: 3, position, atEnd: 'reshuffle' });
    const sequence = ids(at(0).take(12));
    const cursor = at(0);
    expect([3, 1, 8].flatMap((count) => ids(cursor.take(count)))).toEqual(sequence);
    expect(ids(at(4).take(8))).toEqual(sequence.slice(4));
  });

  it('ends at the end of a finite validation split and returns no prompt twice', () => {
    const task = createLetterTask({ sizes: { validation: 5 } });
    const cursor = createPromptCursor(task, 'validation', { seed: 1, atEnd: 'stop' });
    const first = ids(cursor.take(3));
    expect(cursor.remaining).toBe(2);
    const rest = ids(cursor.take(3));
    expect(rest).toHaveLength(2);
    expect(new Set([...first, ...rest]).size).toBe(5);
    expect([cursor.remaining, cursor.take(1)]).toEqual([0, []]);
  });

  it('shuffles by the seed', () => {
    const task = createLetterTask({ sizes: { validation: 30 } });
    const order = (seed: number) =>
      ids(createPromptCursor(task, 'validation', { seed, atEnd: 'stop' }).take(30));
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
  });
});

describe('a cursor over a task that skips prompts', () => {
  const skipping = (sizes: Parameters<typeof createLetterTask>[0], skipped: readonly number[]) => {
    const task = createLetterTask(sizes);
    return { ...task, isSkipped: (_: string, index: number) => skipped.includes(index) };
  };

  it('passes over them without changing the order of the others', () => {
    const sizes = { sizes: { train: 7, validation: 7 } };
    for (const [split, atEnd] of [
      ['train', 'reshuffle'],
      ['validation', 'stop'],
    ] as const) {
      const all = createPromptCursor(createLetterTask(sizes), split, { seed: 1, atEnd });
      const some = createPromptCursor(skipping(sizes, [2, 5]), split, { seed: 1, atEnd });
      const kept = ids(all.take(7)).filter((id) => !/-[25]$/.test(id));
      expect(ids(some.take(5))).toEqual(kept);
    }
  });

  it('counts only the prompts that are left, and resumes at a position', () => {
    const task = skipping({ sizes: { validation: 6 } }, [0, 3]);
    const at = (position: number) =>
      createPromptCursor(task, 'validation', { seed: 1, position, atEnd: 'stop' });
    const cursor = at(0);
    expect(cursor.remaining).toBe(4);
    const first = ids(cursor.take(2));
    expect(cursor.remaining).toBe(2);
    expect([...first, ...ids(at(cursor.position).take(9))]).toEqual(ids(at(0).take(9)));
    expect(ids(at(0).take(9))).toHaveLength(4);
  });

  it('stops with an error if no prompt of a split without end is left', () => {
    const task = { ...createLetterTask(), isSkipped: () => true };
    const cursor = createPromptCursor(task, 'train', { seed: 1, atEnd: 'reshuffle' });
    expect(() => cursor.take(1)).toThrow(TaskError);
  });
});
