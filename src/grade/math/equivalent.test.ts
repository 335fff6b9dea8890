import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAnswers } from './verify.ts';

interface Case {
  readonly kind: string;
  readonly gold: string;
  readonly prediction: string;
  readonly equal?: boolean;
  readonly deepscaler?: boolean;
  readonly math_verify?: boolean;
}

const fixture = (name: string): Case[] =>
  readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const answers = fixture('math-answers.jsonl');

describe('answers of every kind', () => {
  for (const kind of new Set(answers.map((one) => one.kind)))
    it(`${kind.replaceAll('_', ' ')}: equal and different pairs`, () => {
      for (const { gold, prediction, equal } of answers.filter((one) => one.kind === kind))
        expect(compareAnswers(gold, prediction).same, `${gold} and ${prediction}`).toBe(equal);
    });

  it('are equal to themselves', () => {
    for (const { gold } of answers)
      expect(compareAnswers(gold, `\\left. ${gold} \\right.`).same, gold).toBe(true);
  });

  it('are equal in both directions, except where only a prediction may differ', () => {
    const oneWay = new Set(['25', '2a+b=5']);
    for (const { gold, prediction, equal } of answers)
      if (!oneWay.has(prediction))
        expect(compareAnswers(prediction, gold).same, `${prediction} and ${gold}`).toBe(equal);
  });
});

describe('verdicts of two graders', () => {
  // on these kinds of answers DeepScaleR's grader and Math-Verify are wrong: the Unicode degree sign, a
  // relation in brackets, negative mixed numbers (-1 1/2 is -(1 + 1/2)), and two roots in brackets
  const GRADERS_WRONG = new Set(['deg_unicode', 'list_tuple', 'mixedt', 'ltup']);

  for (const name of ['math500-variants.jsonl', 'math-graders.jsonl'])
    it(`are reproduced wherever the graders agree: ${name}`, () => {
      const agreed = fixture(name).filter(
        (one) => one.deepscaler === one.math_verify && !GRADERS_WRONG.has(one.kind),
      );
      expect(agreed.length).toBeGreaterThan(80);
      for (const { gold, prediction, deepscaler } of agreed)
        expect(compareAnswers(gold, prediction).same, `${gold} and ${prediction}`).toBe(deepscaler);
    });
});

describe('numbers', () => {
  const integers = fc.integer({ min: -9999, max: 9999 });
  const positive = fc.integer({ min: 1, max: 9999 });

  it('are equal in all notations', () => {
    fc.assert(
      fc.property(integers, positive, positive, (p, q, k) => {
        const gold = `\\frac{${p}}{${q}}`;
        for (const text of [
          `${p}/${q}`,
          `\\dfrac{${k * p}}{${k * q}}`,
          `${p} \\cdot \\frac1{${q}}`,
          `x = ${p}/${q}`,
        ])
          expect(compareAnswers(gold, text).same, text).toBe(true);
        expect(compareAnswers(gold, `\\frac{${p + q}}{${q}}`).same).toBe(false);
        expect(compareAnswers(gold, `\\frac{${p}}{${q}}+10^{-9}`).same).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('are equal with and without thousands separators, units and currency signs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 99_999_999 }), (n) => {
        const grouped = String(n).replace(/\B(?=(\d{3})+$)/g, ',');
        for (const text of [
          grouped,
          grouped.replaceAll(',', '{,}'),
          `\\$${grouped}`,
          `${grouped}\\text{ miles}`,
        ])
          expect(compareAnswers(String(n), text).same, text).toBe(true);
        expect(compareAnswers(String(n), String(n + 1)).same).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('with square roots are equal exactly when their squares are equal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), positive, (a, b, c) => {
        expect(compareAnswers(`${a}\\sqrt{${c}}`, `\\sqrt{${a * a * c}}`).same).toBe(true);
        expect(compareAnswers(`${a}\\sqrt{${c}}`, `${b}\\sqrt{${c}}`).same).toBe(a === b);
      }),
      { numRuns: 50 },
    );
  });
});
