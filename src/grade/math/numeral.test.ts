import { describe, expect, it } from 'vitest';
import { formatRational } from '../rational.ts';
import { decimalValue, readNumber, repeatingValue, withDecimalPoint } from './numeral.ts';
import { WorkBudgetExceeded } from './work-budget.ts';

const digits = (text: string, comma: 'thousands' | 'list' = 'thousands') => readNumber(text, 0, comma).digits;

describe('readNumber', () => {
  it('reads all styles of thousands separators', () => {
    for (const text of [
      '1234567',
      '1,234,567',
      '1{,}234{,}567',
      '1,\\!234,\\!567',
      '1\\,234\\,567',
      '1 234 567',
    ])
      expect(digits(text)).toBe('1234567');
    expect(digits('14 {, }916')).toBe('14916');
  });

  it('does not join digits across other commas', () => {
    expect(digits('1,23')).toBe('1');
    expect(digits('1234,567')).toBe('1234');
    expect(digits('0,123')).toBe('0');
    expect(digits('1,2345')).toBe('1');
    expect(digits('1,234', 'list')).toBe('1');
    expect(digits('1{,}234', 'list')).toBe('1234');
  });

  it('consumes a full stop, but not the start of an ellipsis', () => {
    expect(readNumber('5. ', 0, 'thousands')).toEqual({ digits: '5', length: 2 });
    expect(readNumber('5...', 0, 'thousands')).toEqual({ digits: '5', length: 1 });
    expect(digits('.5')).toBe('0.5');
    expect(digits('3.250')).toBe('3.250');
  });

  it('rejects numbers with thousands of digits', () => {
    expect(() => digits('9'.repeat(2000))).toThrow(WorkBudgetExceeded);
  });
});

it('values of decimals and of repeating decimals are exact', () => {
  expect(formatRational(decimalValue('0.125'))).toBe('1/8');
  expect(formatRational(repeatingValue('0.1', '6'))).toBe('1/6');
  expect(formatRational(repeatingValue('0.', '142857'))).toBe('1/7');
});

it('a comma is a decimal point only where no other reading is likely', () => {
  expect(withDecimalPoint('0,5')).toBe('0.5');
  expect(withDecimalPoint('-1 234,56')).toBe('-1234.56');
  expect(withDecimalPoint('1.234,5')).toBe('1234.5');
  expect(withDecimalPoint('2,75')).toBe('2.75');
  for (const text of ['3,4', '1,234', '1, 25', '1,25,30', '(1,25)'])
    expect(withDecimalPoint(text)).toBeUndefined();
});
