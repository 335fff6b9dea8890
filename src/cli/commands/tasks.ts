/**
 * `troupe tasks`: what there is to learn and be measured on, a folder to start a task of one's own, and a
 * look at a task before a model is.
 * @module
 */
import { InvalidArgumentError } from 'commander';
import { initTask } from '../../app/task-folder.ts';
import { resolveConfig } from '../../config/resolve.ts';
import { catalogue, checkTask } from '../../report/tasks-report.ts';
import { positiveInteger } from '../arguments.ts';
import { type DefineVerb, OVERRIDE_HELP } from '../command.ts';

export const defineTasks: DefineVerb = (program, { overrides }) => {
  const tasks = program
    .command('tasks')
    .description('list tasks, verifiers and benchmarks; start or check one of your own');
  tasks
    .command('list', { isDefault: true })
    .description('tasks, verifiers and benchmarks, one line each')
    .option('--json', 'one JSON object on standard output')
    .action(({ json }: { json?: boolean }) => {
      process.stdout.write(catalogue({ json: json ?? false }));
    });
  tasks
    .command('init')
    .description('write a working task: data, prompt, verifier, test, team file')
    .argument('<folder>', 'folder to make; its name is the name of the task', folderName)
    .action((folder: string) => {
      process.stdout.write(initTask(folder));
    });
  tasks
    .command('check')
    .description('what a team would see of a task, and whether its verifier accepts the gold answers')
    .argument('<config>', 'team file (YAML)')
    .option('--prompts <count>', 'prompts to look at in each split', positiveInteger, 200)
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (config: string, { prompts }: { prompts: number }) => {
      const { text, problems } = await checkTask(resolveConfig(config, overrides), prompts);
      process.stdout.write(text);
      if (problems > 0) process.exitCode = 1;
    });
};

function folderName(text: string): string {
  if (!/^[\w.-]+$/.test(text.split(/[\\/]/).findLast((part) => part !== '') ?? ''))
    throw new InvalidArgumentError('expected a name of letters, digits, ".", "_" and "-"');
  return text;
}
