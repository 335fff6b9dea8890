/**
 * The section `protocol` of a team file or serve file. The descriptions are user documentation, which
 * `docs/config.md` and editors show.
 * @module
 */
import { z } from 'zod';
import { choice, integer, kindError, text } from '../schema/fields.ts';

const rounds = (fallback: number) => integer({ min: 1, max: 100 }).default(fallback);

/**
 * Schema of the section `protocol` in team files and serve files: the kind of the protocol and its options.
 */
export const protocolSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z
        .literal('vote')
        .describe('All agents answer without seeing other answers; the plurality is the answer of the team.'),
    }),
    z.strictObject({
      kind: z
        .literal('parts')
        .describe(
          'Every agent writes one part of the answer without seeing the others; the answer is the parts in order.',
        ),
    }),
    z.strictObject({
      kind: z
        .literal('relay')
        .describe('One agent per turn, in order, on a shared transcript; the last message is the answer.'),
      rounds: rounds(1).describe('relay: messages per agent.'),
    }),
    z.strictObject({
      kind: z
        .literal('debate')
        .describe(
          'All agents answer in every round and see the answers of the previous round; the plurality of the last round wins.',
        ),
      rounds: rounds(2).describe('debate: number of rounds.'),
    }),
    z.strictObject({
      kind: z
        .literal('router')
        .describe(
          'One agent per turn, in order or at random, on a shared transcript; the last message is the answer.',
        ),
      turns: integer({ min: 1, max: 1000 })
        .optional()
        .describe('router: messages per episode. Default: the number of agents.'),
      order: choice(['round_robin', 'random'])
        .default('round_robin')
        .describe('router: round_robin: agents in order; random: a random agent at each turn.'),
      seed: integer({ min: 0 }).default(1).describe('router: seed of the random choices.'),
    }),
    z.strictObject({
      kind: z
        .literal('module')
        .describe('A custom protocol: path of a TypeScript module (docs/protocols.md).'),
      path: text('the path of a TypeScript module').describe(
        'module: TypeScript file whose default export `(agents) => protocol` creates the protocol.',
      ),
    }),
  ],
  { error: kindError(['vote', 'parts', 'relay', 'debate', 'router', 'module']) },
);

export const protocolSection = protocolSchema
  .prefault({ kind: 'vote' })
  .describe('Defines which agents act at each turn, what they see, and what the answer of the team is.');
