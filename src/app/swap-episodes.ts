/**
 * The episodes a run keeps, as a forecast reads them.
 * @module
 */
import { readCompletions } from '../store/read-run.ts';
import type { StoredEpisode } from '../swap/sign-test.ts';

/** One line of `completions/` (`train/transcripts.ts`). */
type Row = Omit<StoredEpisode, 'group'> & {
  readonly stage: number;
  readonly agent?: number;
  readonly split?: string;
  /** Turns of an environment; absent where there is none. */
  readonly environment?: unknown;
};

/**
 * Training episodes of batches in which the agent's own words vary: those rolled out for it, or for all. In
 * batches for another agent its words are the same in all episodes of a prompt.
 */
export function storedEpisodes(run: string, agent: number): StoredEpisode[] {
  const rows = readCompletions(run) as Row[]; // this folder's own writer made them
  return rows
    .filter(
      ({ split, agent: learner }) => split === undefined && (learner === undefined || learner === agent),
    )
    .map(({ stage, item, prompt, messages, reward }) => {
      return { group: `${stage}/${item}`, item, prompt, messages, reward };
    });
}
