import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { createTask, taskNames } from './registry.ts';

/** The options of a task, as the error about an unknown one lists them. */
function optionsOf(name: string): string[] {
  try {
    createTask(name, { 'no such option at all': 1, path: 'x' });
  } catch (error) {
    if (error instanceof ConfigError)
      return /the options are (.*)/.exec(error.message)?.[1].split(', ') ?? [];
    throw error;
  }
  return [];
}

describe('createTask', () => {
  it('creates every generated task without any option', () => {
    const needPath = taskNames.filter((name) => optionsOf(name).includes('path'));
    expect(needPath).toContain('jsonl');
    for (const name of taskNames.filter((one) => !needPath.includes(one))) {
      const task = createTask(name);
      expect(task.name).toBe(name);
      expect(task.item('train', 0).prompt).not.toBe(task.item('validation', 0).prompt);
    }
  });

  it('passes options on', () => {
    const task = createTask('arithmetic', { operands: 2, max_operand: 9, operations: '*', worked_share: 1 });
    expect(task.item('train', 0).prompt).toMatch(/^[1-9]\*[1-9]=$/);
  });

  it('names the task that was meant', () => {
    expect(() => createTask('countdwn')).toThrow('unknown task "countdwn"; did you mean "countdown"?');
    expect(() => createTask('sudoku')).toThrow(`the tasks are ${taskNames.join(', ')}`);
    expect(() => createTask('toString')).toThrow(ConfigError);
  });

  it('names the option that was meant', () => {
    expect(() => createTask('arithmetic', { max_operands: 9 })).toThrow(
      'task arithmetic: unknown option "max_operands"; did you mean "max_operand"?',
    );
  });

  it('has every option in docs/tasks.md', () => {
    const page = readFileSync(new URL('../../docs/tasks.md', import.meta.url), 'utf8');
    for (const name of taskNames) {
      const options = optionsOf(name);
      expect(options.length).toBeGreaterThan(0);
      const section = page.split(/^## /m).find((text) => text.startsWith(`${name}\n`));
      for (const option of options) expect(section).toContain(`\`${option}\``);
    }
  });

  it('refuses options under which a split would be empty', () => {
    expect(() => createTask('arithmetic', { operands: 2, max_operand: 1 })).toThrow(ConfigError);
    expect(() => createTask('arithmetic', { operands: 2, max_operand: 1 })).toThrow(
      /task arithmetic: expected problems for the \w+ split, got none in 10000 draws; allow more or larger numbers/,
    );
  });
});
