/**
 * Sign test before a swap of one agent's model: predicts from stored episodes of the team, without playing
 * new ones, whether the swap will help.
 * @see SAT (arXiv 2605.05216) Sec. 4; docs/algorithm.md, E42
 * @module
 */
import { pairedDifferenceInterval } from '../core/stats.ts';
import type { Model, Sequence } from '../engine/engine.ts';
import type { Team } from '../team/team.ts';
import { type StoredDialogue, storedSequence } from './stored-sequence.ts';

/** An episode that training stored in the run's folder `completions/`. */
export interface StoredEpisode extends StoredDialogue {
  /** Key that is equal for the episodes of one prompt in one batch; advantages are computed among them. */
  readonly group: string;
  /** Team reward of the episode, reward units. */
  readonly reward: number;
}

export interface SignTestSettings {
  readonly agent: number;
  readonly replacement: Model;
  /**
   * The mixture of the old and the replacement model that the swap would install; absent: the swap would
   * install the replacement alone.
   */
  readonly mixture?: Model;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
}

export interface SignTest {
  readonly verdict: 'help' | 'hurt' | 'unknown';
  /**
   * Covariance C of the advantage and the log-ratio of replacement to current model, with its 95% interval
   * over groups, reward units times nats; absent with fewer than two groups.
   */
  readonly covariance?: { readonly mean: number; readonly low: number; readonly high: number };
  /**
   * Number of groups whose episodes differ in reward and in the agent's text; only these carry information.
   */
  readonly groups: number;
  readonly episodes: number;
}

/**
 * Estimates C = E[ A w log(pre/old) ] over the agent's messages in stored episodes, where pre is the
 * replacement, old the current model and w the replacement's weight in the mixture (1 without mixture). A is
 * the reward minus the mean reward of the *other* episodes of the group. To first order the swap helps if C >
 * 0 and hurts if C < 0   (E42).
 *
 * Each model scores a message in its own tokens, so vocabularies may differ. Episodes of earlier stages were
 * sampled with other weights, whose policy differs from the current one by a few updates, so the result is a
 * forecast. The acceptance test decides whether to keep the swap.
 */
export async function signTest(
  team: Team,
  episodes: readonly StoredEpisode[],
  settings: SignTestSettings,
): Promise<SignTest> {
  const { agent, replacement, mixture, temperature, maxTokens, signal } = settings;
  const { instruction, examples } = team.agents[agent] ?? {};
  const old = team.agents[agent]?.model as Model;
  const informative = informativeEpisodes(episodes, agent);
  const messages = informative.flatMap(({ episode, advantage, group }) =>
    episode.messages
      .filter((message) => message.agent === agent)
      .map((message) => ({ episode, advantage, group, message })),
  );
  const score = { temperature, ...(signal && { signal }) };
  const sequencesFor = (model: Model): Sequence[] =>
    messages.map(({ episode, message }) =>
      storedSequence(
        { protocol: team.protocol, tokenizer: model.tokenizer, instruction, examples, maxTokens },
        episode,
        message,
      ),
    );
  const own = sequencesFor(old);
  const logpOld = await old.forward(own, score);
  const logRatio = mixture?.handover
    ? await weightedLogRatios({ mixture, replacement }, own, { score, logpOld })
    : differences(await replacement.forward(sequencesFor(replacement), score), logpOld);
  const sums = new Map<string, { sum: number; episodes: Set<StoredEpisode> }>();
  messages.forEach(({ group, episode, advantage }, k) => {
    const entry = sums.get(group) ?? { sum: 0, episodes: new Set() };
    entry.sum += advantage * (logRatio[k] as number);
    entry.episodes.add(episode);
    sums.set(group, entry);
  });
  const values = [...sums.values()].map(({ sum, episodes: all }) => sum / all.size);
  const counted = { groups: values.length, episodes: informative.length };
  if (values.length < 2) return { verdict: 'unknown', ...counted };
  const { mean, low, high } = pairedDifferenceInterval(values);
  const verdict = low > 0 ? 'help' : high < 0 ? 'hurt' : 'unknown';
  return { verdict, covariance: { mean, low, high }, ...counted };
}

interface InformativeEpisode {
  readonly episode: StoredEpisode;
  readonly group: string;
  readonly advantage: number;
}

/**
 * Returns the episodes, with their advantages, of groups in which both the rewards and the agent's texts
 * differ.
 */
function informativeEpisodes(episodes: readonly StoredEpisode[], agent: number): InformativeEpisode[] {
  const groups = new Map<string, StoredEpisode[]>();
  for (const episode of episodes) groups.set(episode.group, [...(groups.get(episode.group) ?? []), episode]);
  const textsOf = ({ messages }: StoredEpisode) =>
    JSON.stringify(messages.filter((message) => message.agent === agent).map(({ text }) => text));
  return [...groups].flatMap(([group, own]) => {
    if (new Set(own.map(({ reward }) => reward)).size < 2) return [];
    if (new Set(own.map(textsOf)).size < 2) return [];
    const total = own.reduce((sum, { reward }) => sum + reward, 0);
    return own.map((episode): InformativeEpisode => {
      const others = (total - episode.reward) / (own.length - 1);
      return { episode, group, advantage: episode.reward - others };
    });
  });
}

function differences(pre: readonly Float32Array[], old: readonly Float32Array[]): number[] {
  return pre.map((row, k) => total(row) - total(old[k] as Float32Array));
}

/** Returns the sum over tokens of w log(pre/old) per message, for models with one vocabulary. */
async function weightedLogRatios(
  { mixture, replacement }: { readonly mixture: Model; readonly replacement: Model },
  own: readonly Sequence[],
  {
    score,
    logpOld,
  }: { readonly score: Parameters<Model['forward']>[1]; readonly logpOld: readonly Float32Array[] },
): Promise<number[]> {
  const weights = (await mixture.handover?.weights(own, score)) ?? [];
  const logpPre = await replacement.forward(own, score);
  return logpPre.map((row, k) =>
    row.reduce((sum, logp, t) => sum + (weights[k]?.[t] as number) * (logp - (logpOld[k]?.[t] as number)), 0),
  );
}

function total(row: Float32Array): number {
  return row.reduce((sum, x) => sum + x, 0);
}
