/**
 * Fields that chat completions and completions share, with the value ranges of the OpenAI API. A field of the
 * OpenAI API that this server does not support is refused by name, unless it has its default value.
 * @module
 */
import { z } from 'zod';
import { choice, flag, integer, number, show, text } from '../../schema/fields.ts';

/** Maximum number of stop sequences in the OpenAI API. */
const MAX_STOP_SEQUENCES = 4;

const stop = z
  .union([text('a text').transform((one) => [one]), z.array(text('a text')).max(MAX_STOP_SEQUENCES)], {
    error: (issue) => `expected a text or up to ${MAX_STOP_SEQUENCES} of them, got ${show(issue.input)}`,
  })
  .describe('Up to 4 stop sequences; the message ends before the first of them.');

export const sharedFields = {
  model: text('the name of a model').describe('`team`, or the name of an agent.'),
  n: integer({ min: 1, max: 128 }).optional().describe('Number of independent choices. Default 1.'),
  temperature: number({ min: 0, max: 2 })
    .optional()
    .describe('0: greedy. Default: the temperature that the team was trained with, or 1.'),
  top_p: number({ above: 0, max: 1 })
    .optional()
    .describe('Nucleus sampling: the most probable tokens with this total probability. Default 1.'),
  max_tokens: integer({ min: 1 })
    .optional()
    .describe('Most tokens of each message. Default: the limit that the team was trained with.'),
  stop: stop.optional(),
  seed: integer({ min: Number.MIN_SAFE_INTEGER })
    .optional()
    .describe('Equal requests with equal seeds get equal answers from embedded agents.'),
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

/** Fields of the OpenAI API that this server does not support. */
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
