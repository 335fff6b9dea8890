/**
 * The body of `POST /v1/chat/completions`.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, show } from '../../schema/fields.ts';
import { sharedFields } from './shared-fields.ts';

const content = z
  .union(
    [
      z.string(),
      z
        .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
        .transform((parts) => parts.map(({ text }) => text).join('')),
    ],
    { error: (issue) => `expected a text, or parts of type text, got ${show(issue.input)}` },
  )
  .describe('A text, or parts of type `text`.');

const message = z.strictObject({
  role: choice(['system', 'developer', 'user', 'assistant']).describe('`developer` is treated as `system`.'),
  content,
  name: z.string().optional().describe('Ignored.'),
  refusal: z.null().optional(),
});

export const chatRequestSchema = z.strictObject({
  ...sharedFields,
  messages: z
    .array(message, { error: (issue) => `expected a list of messages, got ${show(issue.input)}` })
    .min(1, { error: 'expected at least one message, got none' }),
  max_completion_tokens: integer({ min: 1 })
    .optional()
    .describe('The newer name of `max_tokens` in the OpenAI API.'),
  logprobs: flag().optional(),
  top_logprobs: integer({ min: 0, max: 20 })
    .optional()
    .describe('Alternatives per token; requires `logprobs`.'),
  response_format: z
    .strictObject({ type: z.literal('text', { error: 'expected text, other formats are not supported' }) })
    .optional(),
  tool_choice: z.literal('none', { error: 'expected none, tools are not supported' }).optional(),
  modalities: z
    .array(z.literal('text', { error: 'expected text, other modalities are not supported' }))
    .optional(),
  troupe: z
    .strictObject({
      stream_agents: flag()
        .optional()
        .describe('With `stream`: also stream the message of every agent, as it is generated.'),
    })
    .optional()
    .describe('Not part of the OpenAI API.'),
});

export type ChatRequest = z.output<typeof chatRequestSchema>;
