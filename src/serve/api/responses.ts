/**
 * Response bodies of the OpenAI API: their schemas for the OpenAPI document, and the conversion of
 * log-probabilities to the formats of the two endpoints.
 * @module
 */
import { z } from 'zod';
import type { TokenLogprob } from '../agent/served-agent.ts';
import { troupeSchema } from './troupe-field.ts';

const tokenSchema = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() });
const logprobsSchema = z.object({
  content: z.array(tokenSchema.extend({ top_logprobs: z.array(tokenSchema) })).nullable(),
  refusal: z.null(),
});

const usageSchema = z
  .object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
  .describe('Tokens of all agents together.');
const finishSchema = z.enum(['stop', 'length']);
const envelope = {
  id: z.string(),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
};

export const chatCompletionSchema = z.object({
  ...envelope,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: logprobsSchema.nullable(),
      finish_reason: finishSchema,
    }),
  ),
  usage: usageSchema,
  troupe: troupeSchema,
});

export const chatChunkSchema = z.object({
  ...envelope,
  object: z.literal('chat.completion.chunk'),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
      logprobs: logprobsSchema.nullable(),
      finish_reason: finishSchema.nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
  troupe: z
    .unknown()
    .describe(
      'In the last chunk of a choice the same fields as in a whole response; else an event of an agent.',
    ),
});

const textLogprobsSchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())),
  text_offset: z.array(z.int()),
});

export const completionSchema = z.object({
  ...envelope,
  object: z.literal('text_completion'),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      logprobs: textLogprobsSchema.nullable(),
      finish_reason: finishSchema.nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
  troupe: z.unknown(),
});

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
  troupe: z.unknown(),
});
export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

/**
 * Converts log-probabilities to the format of chat completions.
 *
 * @param logprobs - undefined if the client requested none, or the agent reports none
 */
export function chatLogprobs(
  logprobs: readonly TokenLogprob[] | undefined,
): z.output<typeof logprobsSchema> | null {
  if (logprobs === undefined) return null;
  const tokenFields = ({
    token,
    logprob,
    bytes,
  }: Omit<TokenLogprob, 'top'>): z.output<typeof tokenSchema> => ({
    token,
    logprob: finite(logprob),
    bytes: bytes === undefined ? null : [...bytes],
  });
  return {
    content: logprobs.map((token) => ({ ...tokenFields(token), top_logprobs: token.top.map(tokenFields) })),
    refusal: null,
  };
}

/**
 * Converts log-probabilities to the format of `/v1/completions`.
 *
 * @param offset - offset of the first token in the text of the choice, UTF-16 code units
 */
export function textLogprobs(
  logprobs: readonly TokenLogprob[] | undefined,
  offset: number,
): z.output<typeof textLogprobsSchema> | null {
  if (logprobs === undefined) return null;
  const offsets: number[] = [];
  let at = offset;
  for (const { token } of logprobs) {
    offsets.push(at);
    at += token.length;
  }
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => finite(logprob)),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, finite(logprob)])),
    ),
    text_offset: offsets,
  };
}

/**
 * Replaces -Infinity, which JSON cannot represent, by -9999, the value that OpenAI uses for a probability of
 * 0.
 */
function finite(logprob: number): number {
  return Math.max(logprob, -9999);
}
