/**
 * Human-readable transcripts of episodes: the rows of `completions/`.
 * @module
 */
import type { Trajectory } from '../team/team.ts';
import { dialogue } from '../team/transcript.ts';
import type { PhaseScope } from './context.ts';

export interface TranscriptChoice extends PhaseScope {
  /** Number of leading prompts whose episodes are kept. */
  readonly prompts: number;
  /** Split of the prompts; absent: `train`. */
  readonly split?: 'test';
}

/** One row per episode of the leading prompts. */
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
