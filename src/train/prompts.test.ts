import { describe, expect, it } from 'vitest';
import { createPromptCursor } from './prompts.ts';
import { createLetterTask } from './testing/letter-task.ts';

function ids(items: readonly { readonly id: string }[]): string[] {
  return items.map(({ id }) => id);
}

describe('a prompt cursor', () => {
  it('reads a split without end in order', () => {
    const cursor = createPromptCursor(createLetterTask(), 'train', { seed: 1, atEnd: 'reshuffle' });
    expect(cursor.remaining).toBeUndefined();
    expect(ids(cursor.take(2))).toEqual(['train-0', 'train-1']);
    expect(ids(cursor.take(1))).toEqual(['train-2']);
    expect(cursor.position).toBe(3);
  });

  it('hands every prompt of a finite train split out once per pass, in a new order each time', () => {
    const task = createLetterTask({ sizes: { train: 7 } });
    const cursor = createPromptCursor(task, 'train', { seed: 1, atEnd: 'reshuffle' });
    const handed = ids(cursor.take(21));
    const passes = [handed.slice(0, 7), handed.slice(7, 14), handed.slice(14)];
    const all = Array.from({ length: 7 }, (_, index) => `train-${index}`);
    for (const pass of passes) expect([...pass].sort()).toEqual(all);
    expect(passes[0]).not.toEqual(all);
    expect(passes[1]).not.toEqual(passes[0]);
    expect(passes[2]).not.toEqual(passes[1]);
  });

  it('hands out the same whatever the batches, and goes on where it was', () => {
    const task = createLetterTask({ sizes: { train: 5 } });
    const at = (position: number) =>
      createPromptCursor(task, 'train', { seed: 3, position, atEnd: 'reshuffle' });
    const whole = ids(at(0).take(12));
    const cursor = at(0);
    expect([3, 1, 8].flatMap((count) => ids(cursor.take(count)))).toEqual(whole);
    expect(ids(at(4).take(8))).toEqual(whole.slice(4));
  });

  it('ends with a finite validation split: no prompt is handed out twice', () => {
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
