/**
 * Response styles of demonstrations. A share of the demonstrations shows the worked steps before the answer;
 * all others answer directly. Some demonstrations are wrong. A base model that was pretrained on this mixture
 * leaves reinforcement learning a better style to select and errors to remove.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { number } from '../../schema/fields.ts';

export interface ResponseStyle {
  /** Share of demonstrations that write the worked steps before the answer. All others answer directly. */
  readonly workedShare: number;
  /**
   * Share of demonstrations in which every digit is replaced by a digit that is drawn uniformly. A model that
   * fits the demonstrations perfectly is correct on only about 1 - demoNoise of the prompts.
   */
  readonly demoNoise: number;
}

export const responseStyleOptions = {
  worked_share: number({ min: 0, max: 1 })
    .default(0.5)
    .describe(
      'Share of demonstrations that write the worked steps before the answer; the rest answers directly.',
    ),
  demo_noise: number({ min: 0, max: 1 })
    .default(0)
    .describe('Share of demonstrations in which every digit is replaced by a random one.'),
};

/** Marker before the final answer, in every task that asks for steps: `...#80`. */
export const ANSWER_MARKER = '#';

/**
 * Writes one demonstration message: the steps (with probability `workedShare`), the marker and the answer, as
 * in `17+25=42;42+38=80#80`.
 *
 * @param solution.steps - worked steps in order, e.g. `17+25=42`
 * @param solution.answer - text after the marker
 * @param stream - draws one number for each of the two shares, then one per replaced digit
 */
export function demonstrationText(
  solution: { readonly steps: readonly string[]; readonly answer: string },
  style: ResponseStyle,
  stream: RandomStream,
): string {
  const worked = stream.uniform() < style.workedShare;
  const noisy = stream.uniform() < style.demoNoise;
  const text = `${worked ? solution.steps.join(';') : ''}${ANSWER_MARKER}${solution.answer}`;
  return noisy ? text.replace(/[0-9]/g, () => String(stream.int(10))) : text;
}

/**
 * Returns the text after the last answer marker, trimmed; undefined when the text has no marker.
 *
 * @example
 * markedAnswer('17+25=42;42+38=80#80'); // => '80'
 */
export function markedAnswer(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARKER);
  return at < 0 ? undefined : text.slice(at + ANSWER_MARKER.length).trim();
}
