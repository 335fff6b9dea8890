import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { fuzzedText } from './testing/fuzz.ts';
import { compareAnswers, MATH_MODES, normalAnswer, verifyMath } from './verify.ts';

describe('verifyMath', () => {
  it('returns the verdict, the extracted answer and the reason', () => {
    expect(verifyMath('\\frac{1}{2}', 'so it is \\boxed{0.5}')).toEqual({
      correct: true,
      extracted: { text: '0.5', by: 'box' },
      reason: 'equal by exact arithmetic',
    });
    expect(verifyMath('(2,3)', 'The answer is $(3,2)$.')).toEqual({
      correct: false,
      extracted: { text: '(3,2)', by: 'phrase' },
      reason: 'item 1: not equal by exact arithmetic',
    });
    expect(verifyMath('5', 'I am lost and so are you, my friend')).toEqual({
      correct: false,
      reason: 'no answer was found',
    });
  });

  it('extracts gold answers from solutions', () => {
    expect(verifyMath('Thus $x=\\boxed{4}$.', '#### 4').correct).toBe(true);
    expect(verifyMath('2*2=4\n#### 4', '\\boxed{4.0}').correct).toBe(true);
  });

  it('accepts only closed boxes in strict mode and reproduces the errors of the original', () => {
    const strict = (gold: string, text: string) => verifyMath(gold, text, 'strict-deepscaler');
    expect(strict('5', '\\boxed{5.0}').correct).toBe(true);
    expect(strict('5', 'The answer is 5')).toEqual({
      correct: false,
      reason: 'no closed \\boxed{...} was found',
    });
    expect(strict('5', '\\boxed 5').correct).toBe(false);
    expect(strict('5', '\\boxed{5').correct).toBe(false);
    expect(strict('5', '<think>\\boxed{4}</think>\\boxed{5}').correct).toBe(true);
    expect(strict('5', '\\fbox{5}').correct).toBe(false);
    expect(strict('\\boxed{3}', '\\boxed{3}').correct).toBe(true);
    expect(strict('\\frac12', '\\boxed{\\frac24}').correct).toBe(false);
    expect(verifyMath('\\frac12', '\\boxed{\\frac24}').correct).toBe(true);
  });
});

describe('choices', () => {
  it('are correct if the letter or the value is the gold answer', () => {
    for (const text of ['(C) 25', 'C. 25', '\\textbf{(C) } 25', '\\text{C. } 25', 'C) 25']) {
      expect(compareAnswers('C', text).same, text).toBe(true);
      expect(compareAnswers('\\text{(C)}', text).same, text).toBe(true);
      expect(compareAnswers('D', text).same, text).toBe(false);
      expect(compareAnswers('25', text).same, text).toBe(true);
      expect(compareAnswers('24', text).same, text).toBe(false);
    }
    expect(verifyMath('C', 'The answer is (C) 25.').correct).toBe(true);
  });

  it('are wrong when several are named', () => {
    for (const text of ['(A) or (B)', 'A. B. C. D.', '(A), (B)', '(A) and 25']) {
      expect(compareAnswers('A', text).same, text).toBe(false);
    }
  });

  it('are not read from a letter in a formula', () => {
    expect(compareAnswers('C', '(C) + 25').same).toBe(false);
    expect(compareAnswers('25', '(C) + 25').same).toBe(false);
    expect(compareAnswers('2', '(A)^2').same).toBe(false);
  });
});

describe('every text', () => {
  it('is verified quickly and without an error', () => {
    let slowestMs = 0;
    for (let i = 0; i < 1500; i++) {
      const stream = randomStream(20, i);
      const [gold, text] = [fuzzedText(stream), fuzzedText(stream)];
      const start = process.cpuUsage();
      for (const mode of MATH_MODES) verifyMath(gold, text, mode);
      normalAnswer(text);
      const { user, system } = process.cpuUsage(start);
      slowestMs = Math.max(slowestMs, (user + system) / 1000);
    }
    // the documented limit is 200 ms; the test allows for a slow or busy machine
    expect(slowestMs).toBeLessThan(1000);
  });

  it('that exceeds the limits of size or cost is not equal to anything', () => {
    const bombs = [
      '9^{9^{9^9}}',
      '(a+b+c+d+e)^{24}(f+g+h+k+l)^{24}',
      '\\sum_{i=1}^{290}\\sum_{j=1}^{290}\\sum_{k=1}^{290}\\sin(ijk)',
      `${'('.repeat(2000)}1${')'.repeat(2000)}`,
      `${'9'.repeat(3000)}`,
      'x'.repeat(1_000_000),
      '10000000!',
    ];
    for (const text of bombs) expect(compareAnswers('7', text).same, text.slice(0, 40)).toBe(false);
  });

  it('is never executed', () => {
    for (const text of ['process.exit(1)', '__import__("os").system("true")', '\\input{/etc/passwd}'])
      expect(compareAnswers('49', text).same).toBe(false);
  });
});
