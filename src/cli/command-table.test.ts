import { Command } from 'commander';
import { expect, it } from 'vitest';
import { COMMANDS } from './command-table.ts';

it('has the name and the description of every command', async () => {
  const program = new Command();
  for (const { load } of Object.values(COMMANDS)) (await load())(program, { overrides: [] });
  const defined = program.commands.map((command) => [command.name(), command.description()]);
  expect(defined).toEqual(Object.entries(COMMANDS).map(([name, { about }]) => [name, about]));
});
