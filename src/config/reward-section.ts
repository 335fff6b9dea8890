/**
 * Section `reward` of a team file.
 * @module
 */
import { z } from 'zod';
import { integer, number } from '../schema/fields.ts';

export const rewardSection = z
  .strictObject({
    agent: number({ min: 0, max: 1 })
      .default(0)
      .describe(
        "Weight of the mean reward of the agents' own answers in the team reward; vote, debate and parts only.",
      ),
    overlong_buffer_len: integer({ min: 0 })
      .default(0)
      .describe(
        'Soft overlong punishment of DAPO: number of tokens before train.max_completion_length over which a penalty on the reward of the learning agent grows from 0 to overlong_penalty_factor; 0: no penalty. It changes the advantages only, not reported rewards, tests and evaluations.',
      ),
    overlong_penalty_factor: number({ above: 0 })
      .default(1)
      .describe('Penalty of a message of the maximum length, reward units.'),
  })
  .prefault({})
  .describe('The team reward.');
