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

function issuesOf(record: Record<string, unknown>): readonly string[] {
  try {
    read(record);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.map((issue) => issue.message);
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
    expect(issuesOf({ count: 7 })).toEqual(['task demo: expected count to be an integer from 2 to 6, got 7']);
    expect(issuesOf({ noise: 1.5 })).toEqual([
      'task demo: expected noise to be a number from 0 to 1, got 1.5',
    ]);
    expect(issuesOf({ use_all: 'yes' })).toEqual([
      'task demo: expected use_all to be true or false, got "yes"',
    ]);
    expect(issuesOf({ mode: 'fuzzy' })).toEqual([
      'task demo: expected mode to be one of exact, numeric, got "fuzzy"',
    ]);
    expect(issuesOf({ noise: Number.NaN })).toEqual([
      'task demo: expected noise to be a number from 0 to 1, got NaN',
    ]);
    expect(issuesOf({ path: '' })).toHaveLength(1);
  });

  it('names the nearest option for an unknown one, and lists all options when none is near', () => {
    expect(issuesOf({ promt_field: 'q' })).toEqual([
      'task demo: unknown option "promt_field"; did you mean "prompt_field"?',
    ]);
    expect(issuesOf({ temperature: 1 })).toEqual([
      'task demo: unknown option "temperature"; the options are count, limit, noise, use_all, prompt_field, path, mode',
    ]);
  });

  it('reports every problem at once', () => {
    expect(issuesOf({ count: 'x', mode: 1, usAll: true })).toHaveLength(3);
  });
});
