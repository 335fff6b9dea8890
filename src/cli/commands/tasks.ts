/**
 * `troupe tasks` lists tasks and benchmarks, creates the folder of a new task, and checks a task.
 * @module
 */
import { join, relative } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { createTaskFolder } from '../../app/task-folder.ts';
import { checkTeamTask, taskCatalogue } from '../../app/tasks.ts';
import { renderCatalogue, renderTaskCheck } from '../../report/tasks-report.ts';
import { shellPath } from '../../support/shell-word.ts';
import { positiveInteger } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { printEvents } from '../event-printer.ts';

export const defineTasks: DefineCommand = (program, { overrides }) => {
  const tasks = program
    .command('tasks')
    .description('list tasks, verifiers and benchmarks; create or check a task of your own');
  tasks
    .command('list', { isDefault: true })
    .description('tasks, verifiers and benchmarks, one line each')
    .option('--json', 'one JSON object on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const catalogue = await taskCatalogue();
      process.stdout.write(json ? `${JSON.stringify(catalogue)}\n` : renderCatalogue(catalogue));
    });
  tasks
    .command('init')
    .description('write a working task: data, prompt, verifier, test, team file')
    .argument('<folder>', 'folder to make; its name is the name of the task', folderName)
    .action((folder: string) => {
      const created = createTaskFolder(folder);
      const shown = relative(process.cwd(), created.folder) || '.';
      const lines = [
        `${shown}   ${created.files.join(', ')}`,
        `test it       node --test ${join(shown, 'task.test.mjs')}`,
        `look at it    troupe tasks check ${join(shown, 'team.yaml')}`,
        `train on it   troupe train ${shellPath(join(shown, 'team.yaml'))}`,
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  tasks
    .command('check')
    .description('sizes and first prompts of a task, and whether its verifier accepts the gold answers')
    .argument('<config>', 'team file (YAML)')
    .option('--prompts <count>', 'prompts to check in each split', positiveInteger, 200)
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { prompts }: { prompts: number }) => {
      const printer = printEvents();
      try {
        const check = await checkTeamTask({ config, overrides, prompts, onEvent: printer.onEvent });
        process.stdout.write(renderTaskCheck(check));
        if (check.problems.length > 0) process.exitCode = 1;
      } finally {
        printer.close();
      }
    });
};

function folderName(text: string): string {
  if (!/^[\w.-]+$/.test(text.split(/[\\/]/).findLast((part) => part !== '') ?? ''))
    throw new InvalidArgumentError('expected a name of letters, digits, ".", "_" and "-"');
  return text;
}
