import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { splitOf } from '../../task/split.ts';
import type { EnvironmentStep, Task, TaskItem } from '../../task/task.ts';
import { codesOf, feedbackOn, fits, isCode } from './code.ts';
import { createGuessNumber, guessNumber } from './guess-number.ts';
import { DEFAULT_GUESS_NUMBER } from './options.ts';
import { feedbackEntropy, goodGuess, mostInformative } from './strategy.ts';

const stream = randomStream(1);

/** Plays messages and returns the last state. The environment never calls an answerer model. */
function played(task: Task, item: TaskItem, messages: readonly string[]): EnvironmentStep {
  return messages.reduce((state, text) => {
    const next = state.step(text, stream);
    if ('question' in next) throw new Error('expected no question');
    return next;
  }, task.environment!.reset(item));
}

const itemWithSecret = (answer: string): TaskItem => ({
  id: 'x',
  prompt: '?',
  answer,
  data: { key: '', secret: answer, clues: [] },
});

describe('feedbackOn', () => {
  it.each([
    ['0123', '0231', 1, 3],
    ['0123', '4567', 0, 0],
    ['0123', '0123', 4, 0],
    ['0123', '3210', 0, 4],
    ['0012', '0000', 2, 0],
    ['0012', '1100', 0, 3],
  ])('of code %s on guess %s', (code, guess, placed, misplaced) => {
    expect(feedbackOn(code, guess)).toEqual({ placed, misplaced });
  });

  it('is symmetric, and full only for the code itself', () => {
    const codes = codesOf({ digits: 3, symbols: 4, repeats: true });
    const code = fc.constantFrom(...codes);
    fc.assert(
      fc.property(code, code, (a, b) => {
        expect(feedbackOn(a, b)).toEqual(feedbackOn(b, a));
        const { placed, misplaced } = feedbackOn(a, b);
        expect(placed === 3).toBe(a === b);
        expect(placed + misplaced).toBeLessThanOrEqual(3);
      }),
    );
  });
});

describe('codesOf', () => {
  it('lists all codes once', () => {
    expect(codesOf({ digits: 4, symbols: 10, repeats: false })).toHaveLength(5040);
    const shape = { digits: 2, symbols: 3, repeats: true };
    const codes = codesOf(shape);
    expect(codes).toEqual(['00', '01', '02', '10', '11', '12', '20', '21', '22']);
    expect(codes.every((code) => isCode(code, shape))).toBe(true);
    expect(['03', '0', '000', '0 ', 'ab', ''].some((text) => isCode(text, shape))).toBe(false);
    expect(isCode('11', { ...shape, repeats: false })).toBe(false);
  });
});

describe('guesses of demonstrations', () => {
  it('choose the most informative candidate with entropy: by hand for four codes', () => {
    // as a guess, 02 has a different feedback for each of the four codes; 01 has the same feedback for 02 and
    // 31
    const candidates = ['01', '10', '02', '31'];
    expect(feedbackEntropy('01', candidates)).toBeCloseTo(1.5, 12);
    expect(feedbackEntropy('02', candidates)).toBeCloseTo(2, 12);
    expect(mostInformative(candidates)).toEqual(['02', '31']);
    for (let i = 0; i < 10; i++)
      expect(['02', '31']).toContain(goodGuess(candidates, 'entropy', randomStream(i)));
  });

  it('solve faster with entropy than with any consistent code, and both far faster than random guesses', () => {
    const meanTurns = (more: object, episodes = 200): number => {
      const task = createGuessNumber({ rounds: 50, clues: 0, ...more });
      const turns = Array.from(
        { length: episodes },
        (_, i) => task.demonstrate!(task.item('train', i), randomStream(9, i)).messages.length,
      );
      return turns.reduce((sum, n) => sum + n, 0) / turns.length;
    };
    const consistent = meanTurns({ consistentShare: 1 });
    expect(meanTurns({ consistentShare: 1, strategy: 'entropy' })).toBeLessThan(consistent);
    expect(consistent).toBeLessThan(6);
    expect(meanTurns({ consistentShare: 0 }, 60)).toBeGreaterThan(25);
  });
});

describe('guess-number', () => {
  it('shows correct clues and not the secret in the prompt', () => {
    const task = createGuessNumber({ clues: 2 });
    for (let index = 0; index < 50; index++) {
      const { prompt, answer = '' } = task.item('train', index);
      expect(prompt).toMatch(/^[0-5]{3}:[0-3][0-3] [0-5]{3}:[0-3][0-3]$/);
      const clues = prompt.split(' ').map((clue) => {
        const [guess, feedback] = clue.split(':') as [string, string];
        return { guess, placed: Number(feedback[0]), misplaced: Number(feedback[1]) };
      });
      expect(fits(answer, clues)).toBe(true);
      expect(prompt).not.toContain(answer);
    }
    expect(createGuessNumber({ clues: 0 }).item('train', 0).prompt).toBe('?');
  });

  it('has disjoint splits by secret and clues, for any order of clues and any seed', () => {
    const keys = (split: 'train' | 'validation' | 'test', seed: number): Set<string> => {
      const task = createGuessNumber({ clues: 1, seed });
      return new Set(
        Array.from({ length: 300 }, (_, i) => (task.item(split, i).data as { key: string }).key),
      );
    };
    const train = keys('train', 1);
    for (const [split, seed] of [
      ['validation', 1],
      ['test', 2],
    ] as const)
      for (const key of keys(split, seed)) {
        expect(splitOf(key)).toBe(split);
        expect(train.has(key)).toBe(false);
      }
    // every secret occurs in the train split, so a model cannot exclude a secret because it never occurred in
    // training
    expect(new Set([...train].map((key) => key.split('>')[1])).size).toBeGreaterThan(100);
  });

  it('gives feedback on guesses and ? on other messages, and both use up a turn', () => {
    const task = createGuessNumber({ clues: 0, rounds: 4 });
    const item = itemWithSecret('012');
    expect(played(task, item, ['021']).observation).toBe('12');
    expect(played(task, item, [' 345 ']).observation).toBe('00');
    for (const odd of ['01', '0123', '011', '019', 'abc', '', '0 1 2'])
      expect(played(task, item, [odd]).observation).toBe('?');
    expect(played(task, item, ['', '', '']).done).toBe(false);
    expect(played(task, item, ['', '', '', '']).done).toBe(true);
    const solved = played(task, item, ['021', '012']);
    expect(solved).toMatchObject({ done: true, observation: '30' });
    expect(solved.verdict()).toEqual({
      correct: true,
      reward: 1,
      answer: '012',
      reason: 'found 012 with guess 2',
      scores: { turns: 2, best: 1, consistent: 1 },
    });
  });

  it('has immutable states: another message from the same state gives another state', () => {
    const task = createGuessNumber({ clues: 0 });
    const before = played(task, itemWithSecret('012'), ['345']);
    const seen = JSON.stringify([before.observation, before.done, before.verdict()]);
    expect(before.step('012', stream)).toMatchObject({ done: true });
    expect(before.step('543', stream)).toMatchObject({ done: false, observation: '00' });
    expect(JSON.stringify([before.observation, before.done, before.verdict()])).toBe(seen);
  });

  it('rewards speed and the best guess only with the options speed and process', () => {
    const item = itemWithSecret('012');
    const reward = (options: object, messages: string[]): number =>
      played(createGuessNumber({ clues: 0, rounds: 5, ...options }), item, messages).verdict().reward;
    expect(reward({}, ['345', '012'])).toBe(1);
    expect(reward({}, ['021', '102'])).toBe(0);
    expect(reward({ speed: 0.4 }, ['012'])).toBe(1);
    expect(reward({ speed: 0.4 }, ['345', '012'])).toBeCloseTo(0.9, 12);
    expect(reward({ speed: 0.4 }, ['345', '345', '', '345', '012'])).toBeCloseTo(0.6, 12);
    expect(reward({ process: 0.5 }, ['021', '345'])).toBeCloseTo((0.5 * 4) / 6, 12);
    expect(reward({ process: 0.5 }, [])).toBe(0);
  });

  it('measures the share of guesses that agree with all feedback, including clues', () => {
    const task = createGuessNumber({ clues: 1 });
    const item = {
      ...itemWithSecret('012'),
      data: { key: '', secret: '012', clues: [{ guess: '345', placed: 0, misplaced: 0 }] },
    };
    const scores = (messages: string[]) => played(task, item, messages).verdict().scores;
    expect(scores(['345', '021'])?.consistent).toBe(0.5);
    expect(scores(['021', '201'])?.consistent).toBe(1); // 201 is consistent with the feedback on 021
    expect(scores(['021', '102'])?.consistent).toBe(0.5); // 102 does not
    expect(scores(['021', ''])?.consistent).toBe(0.5);
  });

  it('verifies a single message for votes', () => {
    const task = createGuessNumber({ clues: 0 });
    expect(task.verify(itemWithSecret('012'), ' 012')).toMatchObject({ correct: true, answer: '012' });
    expect(task.verify(itemWithSecret('012'), '021')).toMatchObject({ correct: false, answer: '021' });
    expect(task.verify(itemWithSecret('012'), 'nothing').answer).toBeUndefined();
  });

  it('demonstrates the observations of the environment', () => {
    const options = fc.record({
      digits: fc.integer({ min: 1, max: 3 }),
      symbols: fc.integer({ min: 3, max: 6 }),
      repeats: fc.boolean(),
      clues: fc.integer({ min: 0, max: 2 }),
      rounds: fc.integer({ min: 1, max: 6 }),
      consistentShare: fc.double({ min: 0, max: 1, noNaN: true }),
      strategy: fc.constantFrom('consistent' as const, 'entropy' as const),
    });
    fc.assert(
      fc.property(options, fc.nat(1000), (chosen, seed) => {
        const item = { ...createGuessNumber({ ...chosen, digits: 3 }).item('train', seed) };
        const task = createGuessNumber({ ...chosen, digits: 3 });
        const { messages, observations: replies = [] } = task.demonstrate!(item, randomStream(seed));
        expect(replies).toHaveLength(messages.length);
        let state = task.environment!.reset(item);
        messages.forEach((message, turn) => {
          expect(state.done).toBe(false);
          state = state.step(message, stream) as EnvironmentStep;
          expect(state.observation).toBe(replies[turn]);
        });
        expect(state.done).toBe(true);
        if (chosen.consistentShare === 1) expect(state.verdict().scores?.consistent).toBe(1);
        for (const text of [item.prompt, ...messages, ...replies])
          for (const character of text) expect(task.alphabet).toContain(character);
      }),
      { numRuns: 60 },
    );
  });

  it('mixes good and random guesses in the configured share', () => {
    const share = (consistentShare: number): number => {
      const task = createGuessNumber({ consistentShare, clues: 2, rounds: 4 });
      const scores = Array.from({ length: 200 }, (_, i) => {
        const item = task.item('train', i);
        const { messages } = task.demonstrate!(item, randomStream(5, i));
        return played(task, item, messages).verdict().scores?.consistent ?? 0;
      });
      return scores.reduce((sum, score) => sum + score, 0) / scores.length;
    };
    expect(share(1)).toBe(1);
    expect(share(0)).toBeLessThan(0.2);
    expect(share(0.5)).toBeGreaterThan(0.45);
    expect(share(0.5)).toBeLessThan(0.75);
  });
});

describe('the options of guess-number', () => {
  it('have defaults', () => {
    expect(parseTaskOptions(guessNumber, {})).toEqual(DEFAULT_GUESS_NUMBER);
    expect(
      parseTaskOptions(guessNumber, { digits: 2, consistent_share: 0.3, strategy: 'entropy', speed: 0.2 }),
    ).toMatchObject({ digits: 2, consistentShare: 0.3, strategy: 'entropy', speed: 0.2 });
  });

  it('reject values that exclude each other', () => {
    expect(() => parseTaskOptions(guessNumber, { digits: 4, symbols: 3 })).toThrow(ConfigError);
    expect(() => parseTaskOptions(guessNumber, { digits: 4, symbols: 3 })).toThrow(
      'task guess-number.symbols: expected at least 4, one for each digit, as repeats is false, got 3',
    );
    expect(() => parseTaskOptions(guessNumber, { speed: 0.8, process: 0.5 })).toThrow(
      'task guess-number.process: expected at most 1 - speed',
    );
    expect(parseTaskOptions(guessNumber, { digits: 4, symbols: 3, repeats: true }).symbols).toBe(3);
  });
});
