/**
 * `troupe serve TEAM`: one OpenAI-compatible endpoint for a team; and `troupe serve keys`: who may use it.
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type ServeFlags, serve } from '../../app/serve.ts';
import { textTable } from '../../report/text-table.ts';
import { addKey, readKeys, removeKey } from '../../serve/access/key-file.ts';
import { LOG_LEVELS } from '../../serve/http/log.ts';
import { portNumber, positiveInteger } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';

export const defineServe: DefineCommand = (program, { overrides }) => {
  const command = program
    .command('serve')
    .description('serve a team as one model behind the OpenAI API, with a chat page at /')
    .argument('<team>', 'run folder (its champion), checkpoint inside one, team file or serve file (YAML)')
    .option('--port <port>', 'port; 0: any free one (default: 8080)', portNumber)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--keys <file>', 'file of API keys; without it nobody needs one')
    .option('--no-auth', 'listen on a public address without keys')
    .option('--min-members <count>', 'fewest members that must answer', positiveInteger)
    .option('--allow-host <names...>', 'further names this server answers to where it has no keys')
    .addOption(new Option('--log-level <level>', 'least important line that is logged').choices(LOG_LEVELS))
    .option('--log-prompts', 'log prompts and answers too')
    .addHelpText('after', OVERRIDE_HELP)
    .action((team: string, flags: ServeFlags) => serve(team, { flags, overrides }));
  defineKeys(command);
};

interface KeyFlags {
  readonly file: string;
  readonly requestsPerMinute?: number;
  readonly concurrency?: number;
}

function defineKeys(serve: Command): void {
  const keys = serve.command('keys').description('add, list or remove API keys');
  const withFile = (command: Command): Command =>
    command.option('--file <file>', 'key file', join(homedir(), '.config', 'troupe', 'keys.json'));
  withFile(keys.command('add').argument('<name>', 'whose key it is'))
    .description('make a key; it is shown once and stored as a hash')
    .option('--requests-per-minute <count>', 'limit of this key', positiveInteger)
    .option('--concurrency <count>', 'most requests of this key at once', positiveInteger)
    .action((name: string, { file, requestsPerMinute, concurrency }: KeyFlags) => {
      const key = addKey(file, {
        name,
        created: new Date().toISOString(),
        ...(requestsPerMinute === undefined ? {} : { requests_per_minute: requestsPerMinute }),
        ...(concurrency === undefined ? {} : { concurrency }),
      });
      process.stdout.write(`${key}\n`);
      process.stderr.write(`added "${name}" to ${file}; the key above is not shown again\n`);
    });
  withFile(keys.command('list'))
    .description('names and limits of all keys')
    .action(({ file }: { file: string }) => {
      const rows = readKeys(file).map((key) => [
        key.name,
        key.created,
        String(key.requests_per_minute ?? '-'),
        String(key.concurrency ?? '-'),
      ]);
      process.stdout.write(`${textTable([['name', 'created', 'per minute', 'at once'], ...rows])}\n`);
    });
  withFile(keys.command('remove').argument('<name>', 'whose key'))
    .description('remove a key; a running server stops taking it within a second')
    .action((name: string, { file }: { file: string }) => {
      removeKey(file, name);
      process.stderr.write(`removed "${name}" from ${file}\n`);
    });
}
