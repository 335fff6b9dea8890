/**
 * Chooses how many episodes a calibration plays, and how long their messages may be.
 * @module
 */
import type { AgentMessages } from './episode-messages.ts';
import type { PackingRule } from './packed-rows.ts';
import { commonOf, contextOf, type SamplingCost, samplingSeconds } from './rates.ts';

export interface EpisodeChoice {
  readonly prompts: number;
  /** Episodes per prompt. */
  readonly samples: number;
  /** Maximum tokens of a message. */
  readonly maxTokens: number;
}

export interface ChoiceOptions {
  /** Settings of the run; a calibration never plays larger groups or longer messages. */
  readonly numGenerations: number;
  readonly maxTokens: number;
  readonly decodeBatch: number;
  /** Maximum number of tokens of a prefilled batch. */
  readonly prefillBudget: number;
  /** By agent id. */
  readonly agents: readonly Pick<PackingRule, 'pairCost'>[];
  readonly samplingOf: (agent: number) => SamplingCost;
  /** Time that the episodes may take, s. */
  readonly seconds: number;
}

/** Shortest limit of a message, tokens. */
const SHORTEST = 8;
/** Numbers of prompts and of samples per prompt, from the most to the least informative. */
const SIZES = [
  { prompts: 16, samples: 8 },
  { prompts: 8, samples: 8 },
  { prompts: 4, samples: 8 },
  { prompts: 4, samples: 4 },
  { prompts: 3, samples: 3 },
  { prompts: 2, samples: 2 },
] as const;

/**
 * Returns the most episodes that fit into the time with messages up to the limit of the run. If not even the
 * fewest fit, messages are cut off at half of the limit, a quarter, and so on.
 *
 * @param messages - lengths of contexts by agent id
 */
export function chooseEpisodes(messages: readonly AgentMessages[], options: ChoiceOptions): EpisodeChoice {
  for (let maxTokens = options.maxTokens; ; maxTokens = Math.max(SHORTEST, Math.ceil(maxTokens / 2))) {
    for (const { prompts, samples } of SIZES) {
      const choice = { prompts, samples: Math.min(samples, options.numGenerations), maxTokens };
      if (predictedSeconds(messages, choice, options) <= options.seconds) return choice;
    }
    if (maxTokens <= SHORTEST) return { prompts: 2, samples: 2, maxTokens };
  }
}

/** Time of the episodes if every message has the maximum length, s. */
function predictedSeconds(
  messages: readonly AgentMessages[],
  { prompts, samples, maxTokens }: EpisodeChoice,
  { agents, decodeBatch, prefillBudget, samplingOf }: ChoiceOptions,
): number {
  const perEpisode = messages.reduce((sum, { messagesPerEpisode }) => sum + messagesPerEpisode, 0);
  return messages.reduce((total, own, id) => {
    const { contextTokens, commonTokens, messagesPerEpisode } = own;
    const rounds = Math.ceil(messagesPerEpisode);
    let seconds = 0;
    for (let round = 0; round < rounds; round++) {
      const earlier = round === 0 ? 0 : (round / rounds) * perEpisode * maxTokens;
      seconds += samplingSeconds({ sampling: samplingOf(id) }, [maxTokens], {
        messages: prompts * samples,
        contexts: prompts * (round === 0 ? 1 : samples),
        contextTokens: contextOf({ contextTokens }, round) + earlier,
        commonTokens: commonOf({ commonTokens }, round),
        slots: decodeBatch,
        budget: prefillBudget,
        pairCost: agents[id]?.pairCost,
      });
    }
    return total + seconds;
  }, 0);
}
