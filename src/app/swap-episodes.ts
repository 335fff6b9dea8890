/**
 * Reads a run's training episodes, from which a swap forecasts its effect.
 * @module
 */
import { readCompletions } from '../store/read-run.ts';
import type { StoredEpisode } from '../swap/sign-test.ts';

/** One line of a file in `completions/`, which `train/transcripts.ts` writes. */
type Row = Omit<StoredEpisode, 'group'> & {
  readonly stage: number;
  readonly agent?: number;
  readonly split?: string;
};

/**
 * Returns the training episodes in which this agent's messages differ between the samples of a prompt: the
 * episodes sampled to update this agent, or to update all agents. In episodes sampled to update another
 * agent, all samples of a prompt share this agent's messages.
 */
export function storedEpisodes(run: string, agent: number): StoredEpisode[] {
  const rows = readCompletions(run) as Row[]; // the type matches the rows that `train/transcripts.ts` writes
  return rows
    .filter(
      ({ split, agent: learner }) => split === undefined && (learner === undefined || learner === agent),
    )
    .map(({ stage, item, prompt, messages, reward }) => {
      return { group: `${stage}/${item}`, item, prompt, messages, reward };
    });
}
