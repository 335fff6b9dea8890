/**
 * Reads the episodes of a run for the forecast of a swap.
 * @module
 */
import { readCompletions } from '../store/read-run.ts';
import type { StoredEpisode } from '../swap/sign-test.ts';

/** One line of `completions/` (`train/transcripts.ts`). */
type Row = Omit<StoredEpisode, 'group'> & {
  readonly stage: number;
  readonly agent?: number;
  readonly split?: string;
  /** Turns of an environment; absent for other tasks. */
  readonly environment?: unknown;
};

/**
 * Training episodes in which the agent's own messages vary: those of batches for this agent, or for all agents. In a
 * batch for another agent, all episodes of a prompt share this agent's messages.
 */
export function storedEpisodes(run: string, agent: number): StoredEpisode[] {
  const rows = readCompletions(run) as Row[]; // `train/transcripts.ts` wrote them
  return rows
    .filter(
      ({ split, agent: learner }) => split === undefined && (learner === undefined || learner === agent),
    )
    .map(({ stage, item, prompt, messages, reward }) => {
      return { group: `${stage}/${item}`, item, prompt, messages, reward };
    });
}
