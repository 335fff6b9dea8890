import { expect, it } from 'vitest';
import type { Verdict } from '../task/task.ts';
import { frequentWrongAnswers } from './wrong-answers.ts';

const verdict = (answer: string | undefined, correct = false): Verdict => ({
  ...{ correct, reward: 0, reason: '' },
  ...(answer === undefined ? {} : { answer }),
});

it('counts wrong answers and missing answers, the most frequent first', () => {
  const given = ['a', 'b', undefined, 'b', 'c', undefined, 'b'].map((answer) => verdict(answer));
  expect(frequentWrongAnswers([verdict('b', true), ...given])).toEqual([
    { answer: 'b', count: 3 },
    { count: 2 },
    { answer: 'a', count: 1 },
    { answer: 'c', count: 1 },
  ]);
});

it('returns at most five', () => {
  expect(frequentWrongAnswers([...'abcdefg'].map((answer) => verdict(answer)))).toHaveLength(5);
});
