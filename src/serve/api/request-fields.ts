/**
 * Fields that chat and completion requests share, with OpenAI's ranges; and what that API has and this
 * server has not: refused by name unless it is set to what it is without it.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, number, show, text } from '../../config/fields.ts';

/** Most stop texts, as at OpenAI. */
const MOST_STOPS = 4;

const stops = z
  .union([text('a text').transform((one) => [one]), z.array(text('a text')).max(MOST_STOPS)], {
    error: (issue) => `expected a text or up to ${MOST_STOPS} of them, got ${show(issue.input)}`,
  })
  .describe('Up to 4 texts before which the message ends.');

export const sharedFields = {
  model: text('the name of a model').describe('`team`, or the name of one member.'),
  n: integer({ min: 1, max: 128 }).optional().describe('Choices, each an answer of its own. Default 1.'),
  temperature: number({ min: 0, max: 2 })
    .optional()
    .describe('0 writes the likeliest tokens. Default: what the team was trained with, or 1.'),
  top_p: number({ above: 0, max: 1 })
    .optional()
    .describe('Draws from the likeliest tokens with this probability together. Default 1.'),
  max_tokens: integer({ min: 1 })
    .optional()
    .describe('Most tokens of one message. Default: what the team was trained with.'),
  stop: stops.optional(),
  seed: integer({ min: Number.MIN_SAFE_INTEGER })
    .optional()
    .describe('Equal requests with equal seeds get equal answers from embedded members.'),
  stream: flag().optional(),
  stream_options: z
    .strictObject({ include_usage: flag().optional(), include_obfuscation: flag().optional() })
    .optional(),
  user: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional().describe('Ignored.'),
  store: z.literal(false, { error: 'expected false, nothing is stored' }).optional(),
  service_tier: choice(['auto', 'default']).optional(),
  safety_identifier: z.string().optional(),
  prompt_cache_key: z.string().optional(),
  frequency_penalty: z.literal(0, { error: 'expected 0, penalties are not supported' }).optional(),
  presence_penalty: z.literal(0, { error: 'expected 0, penalties are not supported' }).optional(),
  logit_bias: z.strictObject({}, { error: 'expected no biases, they are not supported' }).optional(),
} as const;

/** Fields of the OpenAI API without an equivalent here. */
export const UNSUPPORTED: readonly string[] = [
  'audio',
  'function_call',
  'functions',
  'moderation',
  'parallel_tool_calls',
  'prediction',
  'reasoning_effort',
  'tools',
  'verbosity',
  'web_search_options',
];
