/**
 * The body of `POST /v1/completions`.
 * @module
 */
import { z } from 'zod';
import { integer, show } from '../../schema/fields.ts';
import { sharedFields } from './shared-fields.ts';

const MAX_PROMPTS = 128;

const tokens = z.array(z.int().min(0)).min(1);

export const completionRequestSchema = z.strictObject({
  ...sharedFields,
  prompt: z
    .union(
      [
        z.string(),
        z.array(z.string()).min(1).max(MAX_PROMPTS),
        tokens,
        z.array(tokens).min(1).max(MAX_PROMPTS),
      ],
      {
        error: (issue) => `expected a text, token ids, or a list of either, got ${show(issue.input)}`,
      },
    )
    .describe('For `team` a user message that the protocol answers; for an agent the raw prefix of a text.'),
  logprobs: integer({ min: 0, max: 5 }).optional().describe('Alternatives per token.'),
  echo: z.literal(false, { error: 'expected false, echo is not supported' }).optional(),
  best_of: integer({ min: 1 }).optional().describe('At most `n`.'),
  suffix: z.literal('', { error: 'expected no suffix, it is not supported' }).optional(),
});

export type CompletionRequest = z.output<typeof completionRequestSchema>;

/** Returns the prompts of a request, in order. */
export function promptsOf(prompt: CompletionRequest['prompt']): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return prompt.every((one) => typeof one === 'number') ? [prompt] : prompt;
}
