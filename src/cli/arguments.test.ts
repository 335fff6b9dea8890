import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { naturalNumber, portNumber, positiveInteger, positiveNumber, splitName } from './arguments.ts';

describe('numbers on the command line', () => {
  it.each([
    [naturalNumber, '0', 0],
    [positiveInteger, '12', 12],
    [portNumber, '65535', 65535],
    [positiveNumber, '0.5', 0.5],
  ])('%o reads %s', (read, text, value) => {
    expect(read(text)).toBe(value);
  });

  it.each([
    [naturalNumber, ['', ' ', '-1', '1.5', 'x', '1e3', '9007199254740993']],
    [positiveInteger, ['', '0', '-1', 'NaN']],
    [portNumber, ['', '65536', '-1', '80.5', 'http']],
    [positiveNumber, ['', '0', '-1', 'Infinity', 'x']],
  ])('%o refuses other text', (read, texts) => {
    for (const text of texts) expect(() => read(text), text).toThrow(InvalidArgumentError);
  });
});

describe('splitName', () => {
  it('accepts the splits and names the new name of a renamed one', () => {
    expect(splitName('validation')).toBe('validation');
    expect(() => splitName('dev')).toThrow(/^expected one of train, validation, test$/);
    expect(() => splitName('heldout')).toThrow(
      'expected one of train, validation, test; the split heldout is now called test',
    );
  });
});
