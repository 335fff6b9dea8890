/**
 * Entry point of the command line: extracts configuration flags, runs the command, and converts errors to a
 * one-line message and an exit code.
 * @module
 */
import { Command } from 'commander';
import { packageVersion } from '../app/package-version.ts';
import { extractOverrides } from '../config/overrides.ts';
import { ConfigError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';
import { expandHome } from '../support/home-folder.ts';
import { renamedFlagMessage } from '../support/renamed-names.ts';
import { COMMANDS } from './command-table.ts';
import { exitReport } from './exit.ts';
import { asTyped } from './invocation.ts';

/**
 * Top-level keys of a team file that can be given as flags, e.g. `--seed`; `config/schema.ts` has the same
 * list.
 */
export const PLAIN_FLAGS = ['name', 'seed', 'algorithm', 'base', 'agents', 'chat_template'];

/**
 * Runs a command line.
 *
 * @param argv - arguments after the program's name
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const debug = argv.includes('--debug');
  if (!process.stdout.listeners('error').includes(endQuietly)) process.stdout.on('error', endQuietly);
  try {
    await run(argv.filter((argument) => argument !== '--debug'));
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const { exitCode, message } = exitReport(error, { debug });
    if (message !== '') process.stderr.write(`${asTyped(message, process.env.npm_lifecycle_event)}\n`);
    return exitCode;
  }
}

/**
 * Exits with code 0 when the reader of standard output closes the pipe, as `head` does. Rethrows other
 * errors.
 */
function endQuietly(error: Error): void {
  if (systemErrorCode(error) === 'EPIPE') process.exit(0);
  throw error;
}

async function run(argv: readonly string[]): Promise<void> {
  const extracted = extractOverrides(argv, PLAIN_FLAGS);
  const { overrides } = extracted;
  const rest = extracted.rest.map(withHome);
  const program = createProgram();
  const named = rest.find((word) => Object.hasOwn(COMMANDS, word));
  const renamed = named === undefined ? undefined : renamedFlagMessage(named, rest);
  if (renamed !== undefined) throw new ConfigError(renamed);
  if (named !== undefined) (await COMMANDS[named]!.load())(program, { overrides });
  else for (const [name, { about }] of Object.entries(COMMANDS)) program.command(name).description(about);
  await program.parseAsync(rest, { from: 'user' });
}

/**
 * Expands `~` in arguments that are paths. A shell expands neither `--run=~/runs/a` nor quoted words. Paths in
 * configuration flags are expanded with those of the team file.
 */
function withHome(argument: string): string {
  const [, flag = '', value = ''] = /^(--[\w-]+=)?(.*)$/s.exec(argument) ?? [];
  return flag + expandHome(value);
}

function createProgram(): Command {
  const program = new Command('troupe')
    .description(
      'train and evaluate a team of small language models that answers as one, with no coordinator',
    )
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError(false)
    .configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replaceAll(/\s*\n\s*/g, ' ')
            .replace(/^error: /, '')}\n`,
        ),
    })
    .addHelpText('after', '\nOptions of every command:\n  --debug        show where an error was thrown');
  return program;
}
