import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { createTask, taskNames } from './registry.ts';

describe('createTask', () => {
  it('creates every generated task without any option', () => {
    expect(taskNames).toEqual(['arithmetic', 'countdown', 'jsonl']);
    for (const name of ['arithmetic', 'countdown']) {
      const task = createTask(name);
      expect(task.name).toBe(name);
      expect(task.item('train', 0).prompt).not.toBe(task.item('test', 0).prompt);
    }
  });

  it('passes options on', () => {
    const task = createTask('arithmetic', { operands: 2, max_operand: 9, operations: '*', worked_share: 1 });
    expect(task.item('train', 0).prompt).toMatch(/^[1-9]\*[1-9]=$/);
  });

  it('names the task that was meant', () => {
    expect(() => createTask('countdwn')).toThrow('unknown task "countdwn"; did you mean "countdown"?');
    expect(() => createTask('sudoku')).toThrow('the tasks are arithmetic, countdown, jsonl');
    expect(() => createTask('toString')).toThrow(ConfigError);
  });

  it('names the option that was meant', () => {
    expect(() => createTask('arithmetic', { max_operands: 9 })).toThrow(
      'task arithmetic: unknown option "max_operands"; did you mean "max_operand"?',
    );
  });

  it('refuses options under which a split would be empty', () => {
    expect(() => createTask('arithmetic', { operands: 2, max_operand: 1 })).toThrow(ConfigError);
    expect(() => createTask('arithmetic', { operands: 2, max_operand: 1 })).toThrow(
      /task arithmetic: expected problems for the \w+ split, got none in 10000 draws; allow more or larger numbers/,
    );
  });
});
