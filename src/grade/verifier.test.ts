import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVerifier, judge, VERIFIER_NAMES } from './verifier.ts';

const exact = createVerifier('exact', { ignoreCase: false });
const folded = createVerifier('exact', { ignoreCase: true });
const numeric = createVerifier('numeric', { ignoreCase: false });
const math = createVerifier('math', { ignoreCase: false });
const strict = createVerifier('math-strict', { ignoreCase: false });

describe('exact', () => {
  it('compares whole texts, runs of whitespace being one blank', () => {
    expect(judge(exact, 'New York', '  New \n York ')).toEqual({
      correct: true,
      reward: 1,
      answer: 'New York',
      reason: '"New York" is right',
    });
    expect(judge(exact, 'New York', 'new york')).toEqual({
      correct: false,
      reward: 0,
      answer: 'new york',
      reason: 'got "new york", expected "New York"',
    });
  });

  it('sets case aside only when asked', () => {
    expect(judge(folded, 'new york', 'NEW York').correct).toBe(true);
  });

  it('takes composed and decomposed letters for the same', () => {
    expect(judge(exact, 'caf\u00e9', 'cafe\u0301').correct).toBe(true);
  });

  it('finds no answer in blank text', () => {
    expect(judge(exact, 'x', ' \n')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected a text, got " \\n"',
    });
  });
});

describe('numeric', () => {
  it('compares values, not spellings', () => {
    for (const text of ['#### 0.5', 'it is 1/2', '\\boxed{\\frac{2}{4}}', '.50'])
      expect(judge(numeric, '1/2', text)).toMatchObject({ correct: true, answer: '1/2' });
    expect(judge(numeric, '18', 'so 20').reason).toBe('got "20", expected "18"');
    expect(judge(numeric, '18', 'no idea')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected a number, got "no idea"',
    });
  });
});

describe('math', () => {
  it('says what it compared and why, and votes on the normal form', () => {
    expect(judge(math, '\\frac{1}{2}', 'so \\boxed{0.5}')).toEqual({
      correct: true,
      reward: 1,
      answer: '1/2',
      reason: '"0.5" is "\\\\frac{1}{2}": equal by exact arithmetic',
    });
    expect(judge(math, '5', '\\boxed{6}')).toEqual({
      correct: false,
      reward: 0,
      answer: '6',
      reason: 'got "6", expected "5": not equal by exact arithmetic',
    });
  });

  it('finds no answer where there is none', () => {
    expect(judge(math, '5', '')).toEqual({
      correct: false,
      reward: 0,
      reason: 'no answer: expected an answer, got ""',
    });
    expect(judge(strict, '5', 'it is 5').reason).toBe(
      'no answer: expected a closed \\boxed{...}, got "it is 5"',
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (gold, text) => {
        for (const verifier of [math, strict])
          expect(
            judge(verifier, verifier.read(gold) ?? 'x', `\\boxed{${text}}`).reward,
          ).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('every verifier', () => {
  it('judges only what follows the last end of thought', () => {
    expect(judge(exact, 'B', '<think>A</think>\nB').correct).toBe(true);
    expect(judge(numeric, '7', 'maybe 9</think>#### 7').correct).toBe(true);
    expect(judge(numeric, '9', 'maybe 9</think>none').answer).toBeUndefined();
  });

  it('that compares normal forms never throws, and accepts what it read from a text as that text', () => {
    for (const name of VERIFIER_NAMES.filter((name) => !name.startsWith('math'))) {
      const verifier = createVerifier(name, { ignoreCase: true });
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (text) => {
          const gold = verifier.read(text);
          expect(judge(verifier, gold ?? 'x', text).correct).toBe(gold !== undefined);
        }),
      );
    }
  });

  it('reads the end of a text that is too long to be read whole', () => {
    expect(numeric.read(`1 ${'x'.repeat(200_000)} 2`)).toBe('2');
    expect(numeric.read(`1 ${'x'.repeat(200_000)}`)).toBeUndefined();
  });
});
