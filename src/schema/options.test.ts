import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError } from '../support/errors.ts';
import { choice, flag, integer, number, text } from './fields.ts';
import { parseOptions, requireAtLeast, withDefaults } from './options.ts';

const schema = z
  .strictObject({
    count: integer({ min: 2, max: 6 }).default(3),
    limit: integer({ min: 1, max: 9 }).optional(),
    noise: number({ min: 0, max: 1 }).default(0.25),
    use_all: flag().default(true),
    prompt_field: text('the name of a field').default('prompt'),
    path: text('the name of a file').optional(),
    mode: choice(['exact', 'numeric']).default('exact'),
  })
  .superRefine(({ count, limit }, context) => requireAtLeast(context, ['limit', limit], ['count', count]));

const parse = (record: Record<string, unknown>) => parseOptions('task demo', schema, record);

function errorOf(record: Record<string, unknown>): ConfigError {
  try {
    parse(record);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError');
}
const linesOf = (record: Record<string, unknown>): string[] => errorOf(record).message.split('\n');

describe('parseOptions', () => {
  it('gives the defaults for an empty record and for nulls, with camelCase keys', () => {
    const defaults = { count: 3, noise: 0.25, useAll: true, promptField: 'prompt', mode: 'exact' };
    expect(parse({})).toEqual(defaults);
    expect(parse({ count: null, mode: null, path: null })).toEqual(defaults);
  });

  it('keeps given values, also falsy ones', () => {
    expect(parse({ count: 2, limit: 4, noise: 0, use_all: false, mode: 'numeric' })).toEqual({
      count: 2,
      limit: 4,
      noise: 0,
      useAll: false,
      promptField: 'prompt',
      mode: 'numeric',
    });
  });

  it('states the expectation and the value', () => {
    expect(linesOf({ count: 7 })).toEqual(['task demo.count: expected an integer >= 2 and <= 6, got 7']);
    expect(linesOf({ noise: Number.NaN })).toEqual([
      'task demo.noise: expected a number >= 0 and <= 1, got NaN',
    ]);
    expect(linesOf({ use_all: 'yes' })).toEqual(['task demo.use_all: expected true or false, got "yes"']);
    expect(linesOf({ mode: 'fuzzy' })).toEqual([
      'task demo.mode: expected one of exact, numeric, got "fuzzy"',
    ]);
    expect(linesOf({ path: '' })).toEqual(['task demo.path: expected the name of a file, got ""']);
    expect(linesOf({ limit: 2 })).toEqual(['task demo.limit: expected count (3) or more, got 2']);
  });

  it('suggests the nearest option for an unknown one, and lists all options if none is near', () => {
    expect(linesOf({ promt_field: 'q' })).toEqual([
      'task demo: unknown option "promt_field"; did you mean "prompt_field"?',
    ]);
    expect(linesOf({ temperature: 1 })).toEqual([
      'task demo: unknown option "temperature"; the options are count, limit, noise, use_all, prompt_field, path, mode',
    ]);
    expect(() => parseOptions('protocol vote', z.strictObject({}), { rounds: 2 })).toThrow(
      'protocol vote: unknown option "rounds"; it has no options',
    );
  });

  it('reports all problems at once, in the message and as issues without the owner', () => {
    expect(linesOf({ count: 'x', mode: 1, useAl: true })).toHaveLength(3);
    expect(errorOf({ count: 'x', useAl: true }).issues).toEqual([
      { path: 'count', message: 'expected an integer >= 2 and <= 6, got "x"' },
      {
        path: 'useAl',
        message: 'unknown option "useAl"; did you mean "use_all"?',
        suggestion: 'use_all',
      },
    ]);
  });
});

describe('withDefaults', () => {
  it('replaces absent and undefined options', () => {
    expect(withDefaults({ a: 1, b: 2, c: 0 }, { a: undefined, c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
  });
});
