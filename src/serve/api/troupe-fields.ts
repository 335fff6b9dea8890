/**
 * The response field `troupe`: what the OpenAI API has no place for, one entry per choice.
 * @module
 */
import { z } from 'zod';
import type { MemberTurn, TeamAnswer } from '../team/team-answer.ts';

const spent = z.object({ prompt_tokens: z.int(), completion_tokens: z.int() });

const memberSchema = z.object({
  name: z.string(),
  turn: z.int().describe('0, 1, ... of the protocol.'),
  status: z
    .enum(['answered', 'failed', 'cancelled'])
    .describe('`cancelled`: the vote was decided without it.'),
  content: z.string().nullable(),
  answer: z.string().nullable().describe('What the vote counted, in normal form; null where none was found.'),
  finish_reason: z.enum(['stop', 'length']).nullable(),
  mean_logprob: z
    .number()
    .nullable()
    .describe('Nats per token; breaks ties. Null where the member tells none.'),
  attempts: z.int(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  usage: spent,
  duration_ms: z.number(),
});

export const troupeChoiceSchema = z.object({
  members: z.array(memberSchema),
  vote: z
    .object({
      winner: z.string().nullable(),
      counts: z.array(z.object({ answer: z.string(), members: z.array(z.string()) })),
      without_answer: z.array(z.string()),
    })
    .nullable()
    .describe('Null where the protocol has no vote.'),
  early_stop: z
    .object({ decided_after: z.int(), cancelled: z.array(z.string()), tokens_saved_estimate: z.int() })
    .nullable()
    .describe('Null where every member was waited for.'),
  degraded: z.boolean().describe('Whether a member that should have spoken failed.'),
});

export const troupeSchema = z.object({
  protocol: z.string(),
  choices: z.array(troupeChoiceSchema),
});

export function memberFields(turn: MemberTurn): z.output<typeof memberSchema> {
  return {
    name: turn.name,
    turn: turn.turn,
    status: turn.status,
    content: turn.text ?? null,
    answer: turn.answer ?? null,
    finish_reason: turn.finish ?? null,
    mean_logprob: turn.meanLogp ?? null,
    attempts: turn.attempts,
    error: turn.error === undefined ? null : { code: turn.error.fault, message: turn.error.message },
    usage: { prompt_tokens: turn.promptTokens, completion_tokens: turn.completionTokens },
    duration_ms: Math.round(turn.durationMs * 10) / 10,
  };
}

export function troupeChoice(answer: TeamAnswer): z.output<typeof troupeChoiceSchema> {
  const { vote, earlyStop } = answer;
  return {
    members: answer.turns.map(memberFields),
    vote:
      vote === undefined
        ? null
        : {
            winner: vote.winner ?? null,
            counts: vote.counts.map(({ answer: counted, members }) => ({
              answer: counted,
              members: [...members],
            })),
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
    degraded: answer.isDegraded,
  };
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** Everything that all members read and wrote: what the answers cost. */
export function usageOf(turns: readonly MemberTurn[]): Usage {
  const sum = (pick: (turn: MemberTurn) => number): number =>
    turns.reduce((total, turn) => total + pick(turn), 0);
  const [prompt, completion] = [sum((turn) => turn.promptTokens), sum((turn) => turn.completionTokens)];
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
