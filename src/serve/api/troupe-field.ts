/**
 * The response field `troupe`, with one entry per choice: turns of the agents, vote, early stopping. The
 * OpenAI API has no fields for these. Also computes the token usage of a request.
 * @module
 */
import { z } from 'zod';
import type { AgentTurn, TeamAnswer } from '../team/team-answer.ts';

const agentSchema = z.object({
  name: z.string(),
  turn: z.int().describe('Turn of the protocol: 0, 1, ...'),
  status: z
    .enum(['answered', 'failed', 'cancelled'])
    .describe('`cancelled`: the vote was decided without this agent.'),
  content: z.string().nullable(),
  answer: z
    .string()
    .nullable()
    .describe('The extracted answer that the vote counted, in normal form; null where there is none.'),
  finish_reason: z.enum(['stop', 'length']).nullable(),
  cut_off: z
    .boolean()
    .describe(
      'Whether the message counts as no answer because it reached its maximum length; see `train.truncated`.',
    ),
  mean_logprob: z
    .number()
    .nullable()
    .describe('Nats per token; breaks ties. Null where the agent reports no log-probabilities.'),
  attempts: z.int(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }),
  duration_ms: z.number(),
});

export const troupeChoiceSchema = z.object({
  agents: z.array(agentSchema),
  vote: z
    .object({
      winner: z.string().nullable(),
      counts: z.array(z.object({ answer: z.string(), agents: z.array(z.string()) })),
      without_answer: z.array(z.string()),
    })
    .nullable()
    .describe('Null where the protocol has no vote.'),
  early_stop: z
    .object({ decided_after: z.int(), cancelled: z.array(z.string()), tokens_saved_estimate: z.int() })
    .nullable()
    .describe('Null where no agent was cancelled.'),
  degraded: z.boolean().describe('Whether a turn of an agent failed.'),
});

export const troupeSchema = z.object({
  protocol: z.string(),
  choices: z.array(troupeChoiceSchema),
});

export function agentFields(turn: AgentTurn): z.output<typeof agentSchema> {
  const answered = turn.status === 'answered' ? turn : undefined;
  const message = answered?.message;
  return {
    name: turn.name,
    turn: turn.turn,
    status: turn.status,
    content: message?.text ?? null,
    answer: answered?.answer ?? null,
    finish_reason: message?.finish ?? null,
    cut_off: answered?.isRejected ?? false,
    mean_logprob: message && Number.isFinite(message.meanLogp) ? message.meanLogp : null,
    attempts: turn.attempts,
    error: turn.status === 'failed' ? { ...turn.error } : null,
    usage: { prompt_tokens: turn.usage.promptTokens, completion_tokens: turn.usage.completionTokens },
    duration_ms: Math.round(turn.durationMs * 10) / 10,
  };
}

export function troupeChoice({
  turns,
  vote,
  earlyStop,
  isDegraded,
}: TeamAnswer): z.output<typeof troupeChoiceSchema> {
  return {
    agents: turns.map(agentFields),
    vote:
      vote === undefined
        ? null
        : {
            winner: vote.winner ?? null,
            counts: vote.counts.map(({ answer, agents }) => ({ answer, agents: [...agents] })),
            without_answer: [...vote.withoutAnswer],
          },
    early_stop:
      earlyStop === undefined
        ? null
        : {
            decided_after: earlyStop.decidedAfter,
            cancelled: [...earlyStop.cancelled],
            tokens_saved_estimate: earlyStop.tokensSavedEstimate,
          },
    degraded: isDegraded,
  };
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** Returns the prompt and completion tokens of all agents together, which is the cost of the answers. */
export function usageOf(turns: readonly AgentTurn[]): Usage {
  const prompt = turns.reduce((sum, { usage }) => sum + usage.promptTokens, 0);
  const completion = turns.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
