/**
 * Episodes for people to read: the rows of `completions/`.
 * @module
 */
import type { Trajectory } from '../team/team.ts';
import { dialogue } from '../team/transcript.ts';
import type { PhaseScope } from './context.ts';

export interface TranscriptChoice extends PhaseScope {
  /** Prompts whose episodes are kept, from the first. */
  readonly prompts: number;
  /** Where the prompts are from; absent: `train`. */
  readonly split?: 'test';
}

/** One row per episode of the first prompts. */
export function transcripts(
  trajectories: readonly Trajectory[],
  { stage, agent, prompts, split }: TranscriptChoice,
): object[] {
  return trajectories
    .filter(({ group }) => group < prompts)
    .map(({ item, sample, messages, replies, verdict, reward }) => ({
      stage,
      ...(agent !== undefined && { agent }),
      ...(split && { split }),
      item: item.id,
      sample,
      prompt: item.prompt,
      messages: dialogue({ messages, replies }),
      ...(verdict.answer !== undefined && { answer: verdict.answer }),
      correct: verdict.correct,
      reason: verdict.reason,
      reward,
      ...(verdict.scores && { scores: verdict.scores }),
    }));
}
