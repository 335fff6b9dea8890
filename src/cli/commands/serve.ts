/**
 * `troupe serve TEAM` serves a team with the OpenAI API. `troupe serve keys` manages the API keys.
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type RunningServer, serve } from '../../app/serve.ts';
import { textTable } from '../../report/text-table.ts';
import { addKey, readKeys, removeKey } from '../../serve/access/key-file.ts';
import { createJsonLog, LOG_LEVELS, type LogLevel } from '../../serve/http/log.ts';
import { portNumber, positiveInteger } from '../arguments.ts';
import { type DefineCommand, OVERRIDE_HELP } from '../command.ts';
import { printEvents } from '../event-printer.ts';
import { listenForEnd } from '../interrupt.ts';

interface ServeFlags {
  readonly host?: string;
  readonly port?: number;
  readonly keys?: string;
  readonly auth: boolean;
  readonly minAgents?: number;
  readonly allowHost?: string[];
  readonly logLevel?: LogLevel;
  readonly logPrompts?: boolean;
}

export const defineServe: DefineCommand = (program, { overrides }) => {
  const command = program
    .command('serve')
    .description('serve a team as one model behind the OpenAI API, with a chat page at /')
    .argument('<team>', 'run folder (its champion), checkpoint inside one, team file or serve file (YAML)')
    .option('--port <port>', 'port; 0: any free one (default: 8080)', portNumber)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--keys <file>', 'file of API keys; without it clients need no key')
    .option('--no-auth', 'allow a public address without API keys')
    .option('--min-agents <count>', 'fewest agents that must answer', positiveInteger)
    .option('--allow-host <names...>', 'further host names that are accepted where clients need no API key')
    .addOption(new Option('--log-level <level>', 'lowest level that is logged').choices(LOG_LEVELS))
    .option('--log-prompts', 'log prompts and answers too')
    .addHelpText('after', OVERRIDE_HELP)
    .action(async (team: string, { auth, allowHost, ...flags }: ServeFlags) => {
      const printer = printEvents();
      const server = await serve({
        team,
        ...flags,
        allowUnauthenticated: !auth,
        ...(allowHost === undefined ? {} : { allowedHosts: allowHost }),
        overrides,
        createLog: (level) => createJsonLog(level, process.stderr.fd),
        onEvent: printer.onEvent,
      }).finally(printer.close);
      await untilClosed(server);
    });
  defineKeys(command);
};

/** Closes the server at the first SIGINT or SIGTERM. A second signal ends the process immediately. */
async function untilClosed(server: RunningServer): Promise<void> {
  // installs the signal handlers before printing the URL, because a program that reads the URL may send a
  // signal
  const { signal, release } = listenForEnd();
  signal.addEventListener('abort', () => {
    process.stderr.write('finishing accepted requests; a second signal stops at once\n');
    void server.close();
  });
  process.stdout.write(banner(server));
  await server.closed;
  release();
}

function banner({ url, team, keys }: RunningServer): string {
  const agents = team.agents.map(({ name, kind }) => (kind === 'embedded' ? name : `${name} (endpoint)`));
  const models = ['team', ...team.agents.map(({ name }) => name)];
  return (
    `serving "${team.name}" at ${url}: ${team.protocol.name} of ${agents.join(', ')}\n` +
    `chat      ${url}/\nAPI       ${url}/v1 (model: ${models.join(', ')})\n` +
    `keys      ${keys ?? 'none needed'}\n` +
    `stop      Ctrl-C, or kill ${process.pid}\n`
  );
}

interface KeyFlags {
  readonly file: string;
  readonly requestsPerMinute?: number;
  readonly concurrency?: number;
}

function defineKeys(serve: Command): void {
  const keys = serve.command('keys').description('add, list or remove API keys');
  const withFile = (command: Command): Command =>
    command.option('--file <file>', 'key file', join(homedir(), '.config', 'troupe', 'keys.json'));
  withFile(keys.command('add').argument('<name>', 'name of the key'))
    .description('create a key; it is printed once and stored as a hash')
    .option('--requests-per-minute <count>', 'rate limit of this key', positiveInteger)
    .option('--concurrency <count>', 'most concurrent requests of this key', positiveInteger)
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
    .description('list the names and limits of all keys')
    .action(({ file }: { file: string }) => {
      const rows = readKeys(file).map((key) => [
        key.name,
        key.created,
        String(key.requests_per_minute ?? '-'),
        String(key.concurrency ?? '-'),
      ]);
      process.stdout.write(`${textTable([['name', 'created', 'per minute', 'concurrent'], ...rows])}\n`);
    });
  withFile(keys.command('remove').argument('<name>', 'name of the key'))
    .description('remove a key; a running server refuses it within a second')
    .action((name: string, { file }: { file: string }) => {
      removeKey(file, name);
      process.stderr.write(`removed "${name}" from ${file}\n`);
    });
}
