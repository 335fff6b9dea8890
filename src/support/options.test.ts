import { describe, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { readOptions } from './options.ts';

function read(record: Record<string, unknown>) {
  const options = readOptions('task demo', record);
  const values = {
    count: options.integer('count', { default: 3, min: 2, max: 6 }),
    limit: options.optionalInteger('limit', { min: 1, max: 9 }),
    noise: options.share('noise', 0.25),
    useAll: options.boolean('use_all', true),
    field: options.text('prompt_field', 'prompt'),
    path: options.optionalText('path'),
    mode: options.choice('mode', ['exact', 'numeric'], 'exact'),
  };
  options.finish();
  return values;
}

function linesOf(record: Record<string, unknown>): readonly string[] {
  try {
    read(record);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('readOptions', () => {
  it('gives the defaults for an empty record and for explicit nulls', () => {
    const defaults = {
      count: 3,
      limit: undefined,
      noise: 0.25,
      useAll: true,
      field: 'prompt',
      path: undefined,
      mode: 'exact',
    };
    expect(read({})).toEqual(defaults);
    expect(read({ count: null, mode: null })).toEqual(defaults);
  });

  it('takes what the user wrote, also values that look like nothing', () => {
    const values = read({ count: 2, limit: 1, noise: 0, use_all: false, prompt_field: 'q', mode: 'numeric' });
    expect(values).toMatchObject({
      count: 2,
      limit: 1,
      noise: 0,
      useAll: false,
      field: 'q',
      mode: 'numeric',
    });
  });

  it('says what it expected and what it got', () => {
    expect(linesOf({ count: 7 })).toEqual(['task demo.count: expected an integer from 2 to 6, got 7']);
    expect(linesOf({ noise: 1.5 })).toEqual(['task demo.noise: expected a number from 0 to 1, got 1.5']);
    expect(linesOf({ use_all: 'yes' })).toEqual(['task demo.use_all: expected true or false, got "yes"']);
    expect(linesOf({ mode: 'fuzzy' })).toEqual([
      'task demo.mode: expected one of exact, numeric, got "fuzzy"',
    ]);
    expect(linesOf({ noise: Number.NaN })).toEqual([
      'task demo.noise: expected a number from 0 to 1, got NaN',
    ]);
    expect(linesOf({ path: '' })).toHaveLength(1);
  });

  it('names the nearest option for an unknown one, and lists all options when none is near', () => {
    expect(linesOf({ promt_field: 'q' })).toEqual([
      'task demo: unknown option "promt_field"; did you mean "prompt_field"?',
    ]);
    expect(linesOf({ temperature: 1 })).toEqual([
      'task demo: unknown option "temperature"; the options are count, limit, noise, use_all, prompt_field, path, mode',
    ]);
  });

  it('reports every problem at once, also as data without the place', () => {
    expect(linesOf({ count: 'x', mode: 1, useAl: true })).toHaveLength(3);
    let issues: unknown;
    try {
      read({ count: 'x', useAl: true });
    } catch (error) {
      issues = error instanceof ConfigError ? error.issues : error;
    }
    expect(issues).toEqual([
      { path: 'count', message: 'expected an integer from 2 to 6, got "x"' },
      {
        path: 'useAl',
        message: 'unknown option "useAl"; did you mean "use_all"?',
        suggestion: 'use_all',
      },
    ]);
  });
});
