import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { createTask, taskNames } from './registry.ts';

/** Returns the names of a task's options, read from the error for an unknown option. */
async function optionsOf(name: string): Promise<string[]> {
  try {
    await createTask(name, { 'no such option at all': 1, path: 'x' });
  } catch (error) {
    if (error instanceof ConfigError)
      return /the options are (.*)/.exec(error.message)?.[1].split(', ') ?? [];
    throw error;
  }
  return [];
}

describe('createTask', () => {
  it('creates every generated task without any option', async () => {
    const options = await Promise.all(taskNames.map(optionsOf));
    const needPath = taskNames.filter((_, index) => options[index]?.includes('path'));
    expect(needPath).toContain('jsonl');
    for (const name of taskNames.filter((one) => !needPath.includes(one))) {
      const task = await createTask(name);
      expect(task.name).toBe(name);
      expect(task.item('train', 0).prompt).not.toBe(task.item('validation', 0).prompt);
    }
  });

  it('passes the options to the task', async () => {
    const task = await createTask('arithmetic', {
      operands: 2,
      max_operand: 9,
      operations: '*',
      worked_share: 1,
    });
    expect(task.item('train', 0).prompt).toMatch(/^[1-9]\*[1-9]=$/);
  });

  it('suggests the nearest task for an unknown one', async () => {
    await expect(createTask('countdwn')).rejects.toThrow(
      'unknown task "countdwn"; did you mean "countdown"?',
    );
    await expect(createTask('sudoku')).rejects.toThrow(`the tasks are ${taskNames.join(', ')}`);
    await expect(createTask('toString')).rejects.toThrow(ConfigError);
  });

  it('suggests the nearest option for an unknown one', async () => {
    await expect(createTask('arithmetic', { max_operands: 9 })).rejects.toThrow(
      'task arithmetic: unknown option "max_operands"; did you mean "max_operand"?',
    );
  });

  it('rejects options for which a split has no problems', async () => {
    await expect(createTask('arithmetic', { operands: 2, max_operand: 1 })).rejects.toThrow(ConfigError);
    await expect(createTask('arithmetic', { operands: 2, max_operand: 1 })).rejects.toThrow(
      /task arithmetic: expected problems for the \w+ split, got none in 10000 draws; allow more or larger numbers/,
    );
  });
});
