import { expect, it } from 'vitest';
import { resolveConfigObject } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { areCopies } from './outcome-evaluation.ts';

const copies = (team: object): boolean =>
  areCopies(resolveConfigObject({ task: { name: 'arithmetic' }, ...team } as TeamFile).config);

it('finds teams that vote and whose agents differ in their names at most', () => {
  expect(copies({ base: 'm', agents: 3 })).toBe(true);
  expect(
    copies({
      agents: [
        { name: 'a', model: 'm' },
        { name: 'b', model: 'm' },
      ],
    }),
  ).toBe(true);
});

it.each<[string, object]>([
  ['models', { agents: [{ model: 'm' }, { model: 'n' }] }],
  ['instructions', { base: 'm', agents: [{ instruction: 'add' }, {}] }],
  ['chat templates', { base: 'm', agents: [{ chat_template: 'plain' }, {}] }],
  ['examples', { base: 'm', agents: [{ examples: [{ prompt: 'p', answer: 'a' }] }, {}] }],
  ['roles in the protocol', { base: 'm', agents: 3, protocol: { kind: 'relay' } }],
])('finds none whose agents have different %s', (_, team) => {
  expect(copies(team)).toBe(false);
});
