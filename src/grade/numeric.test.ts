import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractNumber } from './numeric.ts';

describe('extractNumber', () => {
  it.each([
    ['#### 18', '18'],
    ['48/2 = 24\n#### 24', '24'],
    ['#### 1,234', '1234'],
    ['#### -5', '-5'],
    ['#### $18.00 per day', '18'],
    ['#### 3\n#### 4', '4'],
    ['#### 72 = 8 * 9', '72'],
    ['####18', '18'],
  ])('takes the first number after the last marker: %j', (text, expected) => {
    expect(extractNumber(text)).toBe(expected);
  });

  it.each([
    ['so \\boxed{12} and then 13', '12'],
    ['\\boxed{1}, no: \\boxed{x = 5}', '5'],
    ['\\boxed{\\frac{270}{7}\\text{ degrees}}', '270/7'],
    ['#### none\n\\boxed{7}', '7'],
    ['\\boxed{\\text{(C)}} is 3', '3'],
    ['\\boxed{12', '12'],
  ])('falls back to the last box, then on the last number: %j', (text, expected) => {
    expect(extractNumber(text)).toBe(expected);
  });

  it.each([
    ['0.5', '1/2'],
    ['1/2', '1/2'],
    ['.50', '1/2'],
    ['2/4', '1/2'],
    ['\\frac{1}{2}', '1/2'],
    ['-\\dfrac{1}{2}', '-1/2'],
    ['1\\frac{4}{5}', '9/5'],
    ['137 \\frac{1}{2}', '275/2'],
    ['137 1/2', '275/2'],
    ['2.50/5', '1/2'],
    ['025', '25'],
    ['10.', '10'],
    ['2.0000001', '20000001/10000000'],
    ['58,500', '58500'],
    ['58{,}500', '58500'],
    ['\\$32,\\!348', '32348'],
    ['11,\\! 111,\\! 111,\\! 100', '11111111100'],
    ['1,000/4', '250'],
    ['1/1,000', '1/1000'],
    ['$18.90', '189/10'],
    ['-$5', '-5'],
    ['$-5', '-5'],
    ['−3', '-3'],
    ['+3', '3'],
    ['€7', '7'],
    ['50%', '50'],
    ['-0', '0'],
  ])('writes %j as %j', (text, expected) => {
    expect(extractNumber(text)).toBe(expected);
  });

  it.each([
    ['16-3', '3'],
    ['16 - 3 = 13', '13'],
    ['(2)-3', '3'],
    ['5 - -3', '-3'],
    ['1,2345', '2345'],
    ['the numbers 1, 2 and 3.', '3'],
    ['5-$3', '3'],
    ['7 or 1/0', '7'],
  ])('does not read an operator as a sign or a list as one number: %j', (text, expected) => {
    expect(extractNumber(text)).toBe(expected);
  });

  it('is undefined for a text without a number', () => {
    for (const text of ['', 'none', '####', '\\boxed{}', '1/0', '9'.repeat(201)])
      expect(extractNumber(text)).toBeUndefined();
  });

  it('is idempotent: it extracts the same number from its own output', () => {
    fc.assert(
      fc.property(fc.integer({ min: -99_999, max: 99_999 }), fc.nat({ max: 99_999 }), (whole, decimals) => {
        const once = extractNumber(`${whole}.${decimals}`);
        expect(extractNumber(once ?? '')).toBe(once);
      }),
    );
  });

  it('never throws and is fast on adversarial text', () => {
    const noise = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.,/-$#{} \\') }));
    fc.assert(
      fc.property(noise, (text) => void extractNumber(text)),
      { numRuns: 1000 },
    );
    const start = performance.now();
    for (const piece of ['9', ' ', '1 ', '1,', '1/', '1,234,', '\\frac{1', '\\boxed{', '-', '.1'])
      extractNumber(piece.repeat(65_536 / piece.length));
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
