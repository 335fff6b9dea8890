import { expect, it } from 'vitest';
import { formatRational } from '../rational.ts';
import { isUnitWord, readUnit, sameDimensions, sameUnit } from './unit.ts';

const shown = (text: string): string | undefined => {
  const unit = readUnit(text);
  const dimensions = [...(unit?.dimensions ?? [])].map(([name, power]) => `${name}${power}`).sort();
  return unit && `${formatRational(unit.factor)} ${dimensions.join(' ')}`;
};

it('units are read by all their names', () => {
  expect(shown('cm')).toBe('1/100 length1');
  expect(shown(' inches')).toBe('127/5000 length1');
  expect(shown('Feet')).toBe('381/1250 length1');
  expect(shown('hrs')).toBe('3600 time1');
  expect(shown('ounces')).toBe('45359237/1600000000 mass1');
  expect(shown('percentage')).toBe('1 percent1');
});

it('units have powers and quotients', () => {
  expect(shown('cm^2')).toBe('1/10000 length2');
  expect(shown('square inches')).toBe(shown('in^2'));
  expect(shown('cubic meters')).toBe(shown('m^3'));
  expect(shown('meters squared')).toBe(shown('m^2'));
  expect(shown('miles per hour')).toBe(shown('mph'));
  expect(shown('m/s^2')).toBe('1 length1 time-2');
  expect(shown('liters')).toBe(shown('dm^3'));
});

it('other words are not units', () => {
  for (const text of ['apples', 'cm apples', '', '^2', 'squared', 'm^99', 'x'.repeat(100)])
    expect(readUnit(text), text).toBeUndefined();
  expect(isUnitWord('hours')).toBe(true);
  expect(isUnitWord('answers')).toBe(false);
});

it('units of the same dimension differ only in size', () => {
  const [m, cm, m2] = ['m', 'cm', 'm^2'].map((text) => readUnit(text));
  if (!m || !cm || !m2) throw new Error('expected three units');
  expect([sameDimensions(m, cm), sameUnit(m, cm), sameDimensions(m, m2)]).toEqual([true, false, false]);
  expect(sameUnit(m, m)).toBe(true);
});
