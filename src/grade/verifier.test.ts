import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVerifier, VERIFIER_NAMES } from './verifier.ts';

const exact = createVerifier('exact');
const folded = createVerifier('exact', { ignoreCase: true });
const numeric = createVerifier('numeric');
const math = createVerifier('math');
const strict = createVerifier('math-strict');

describe('exact', () => {
  it('compares whole texts, with runs of whitespace as single spaces', () => {
    expect(exact.verify('New York', '  New \n York ')).toEqual({
      correct: true,
      reward: 1,
      answer: 'New York',
      reason: '"New York" is right',
    });
    expect(exact.verify('New York', 'new york')).toEqual({
      correct: false,
      reward: 0,
      answer: 'new york',
      reason: 'got "new york", expected "New York"',
    });
  });

  it('ignores case only with ignoreCase', () => {
    expect(folded.verify('new york', 'NEW York').correct).toBe(true);
  });

  it('treats composed and decomposed letters as equal', () => {
    expect(exact.verify('caf\u00e9', 'cafe\u0301').correct).toBe(true);
  });

  it('has no answer for whitespace', () => {
    expect(exact.verify('x', ' \n')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected a text, got " \\n"',
    });
  });
});

describe('numeric', () => {
  it('compares values, not notations', () => {
    for (const text of ['#### 0.5', 'it is 1/2', '\\boxed{\\frac{2}{4}}', '.50'])
      expect(numeric.verify('1/2', text)).toMatchObject({ correct: true, answer: '1/2' });
    expect(numeric.verify('18', 'so 20').reason).toBe('got "20", expected "18"');
    expect(numeric.verify('18', 'no idea')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected a number, got "no idea"',
    });
  });
});

describe('math', () => {
  it('gives a reason, and the normal form as the answer to vote on', () => {
    expect(math.verify('\\frac{1}{2}', 'so \\boxed{0.5}')).toEqual({
      correct: true,
      reward: 1,
      answer: '1/2',
      reason: '"0.5" is "\\\\frac{1}{2}": equal by exact arithmetic',
    });
    expect(math.verify('5', '\\boxed{6}')).toEqual({
      correct: false,
      reward: 0,
      answer: '6',
      reason: 'got "6", expected "5": not equal by exact arithmetic',
    });
  });

  it('gives answers to vote on without a gold answer', () => {
    expect(math.answerOf('so \\boxed{\\frac{2}{4}}')).toBe('1/2');
    expect(math.answerOf('')).toBeUndefined();
    expect(strict.answerOf('it is 5')).toBeUndefined();
  });

  it('has no answer for a text without one', () => {
    expect(math.verify('5', '')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected an answer, got ""',
    });
    expect(strict.verify('5', 'it is 5').reason).toBe(
      'no answer: expected a closed \\boxed{...}, got "it is 5"',
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (gold, text) => {
        for (const verifier of [math, strict])
          expect(
            verifier.verify(verifier.readGold(gold) ?? 'x', `\\boxed{${text}}`).reward,
          ).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('every verifier', () => {
  it('grades only the text after the last </think>', () => {
    expect(exact.verify('B', '<think>A</think>\nB').correct).toBe(true);
    expect(numeric.verify('7', 'maybe 9</think>#### 7').correct).toBe(true);
    expect(numeric.verify('9', 'maybe 9</think>none').answer).toBeUndefined();
  });

  it('that compares normal forms never throws, and accepts a text whose answer is the gold answer', () => {
    for (const name of VERIFIER_NAMES.filter((name) => !name.startsWith('math'))) {
      const verifier = createVerifier(name, { ignoreCase: true });
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          const gold = verifier.readGold(text);
          expect(verifier.answerOf(text)).toBe(gold);
          expect(verifier.verify(gold ?? 'x', text).correct).toBe(gold !== undefined);
        }),
      );
    }
  });

  it('reads only the end of a very long text', () => {
    expect(numeric.answerOf(`1 ${'x'.repeat(200_000)} 2`)).toBe('2');
    expect(numeric.answerOf(`1 ${'x'.repeat(200_000)}`)).toBeUndefined();
  });
});
