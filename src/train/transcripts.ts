/**
 * Human-readable transcripts of episodes: the rows of `completions/`.
 * @module
 */
import type { Trajectory } from '../team/team.ts';
import { dialogue } from '../team/transcript.ts';
import type { PhaseScope } from './context.ts';

export interface TranscriptChoice extends PhaseScope {
  /** Number of prompts whose episodes are written, counted from the first prompt of the batch. */
  readonly prompts: number;
  /** Split of the prompts; absent: `train`. */
  readonly split?: 'test';
}

/** Returns one row per episode of the first prompts of a batch. */
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
