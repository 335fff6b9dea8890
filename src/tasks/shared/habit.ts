/**
 * The habits of a base model, laid down in its demonstrations: some show the step in between, some
 * blurt out the answer, some are wrong. Reinforcement then has a better habit to choose and errors to
 * remove, which is what leaves a small base room to improve.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { OptionReader } from '../../support/options.ts';

export interface HabitOptions {
  /** Share of demonstrations that write the worked steps before the answer; the rest answer directly. Default 0.5. */
  readonly workedShare: number;
  /**
   * Share of demonstrations whose digits, all of them, are replaced by uniform draws. A model that has
   * learned such demonstrations perfectly is still right on only about 1 - demoNoise of them. Default 0.
   */
  readonly demoNoise: number;
}

export const DEFAULT_HABITS: HabitOptions = { workedShare: 0.5, demoNoise: 0 };

/** What the final answer follows, in every task that asks for steps: `...#80`. */
export const ANSWER_MARKER = '#';

export function readHabits(options: OptionReader): HabitOptions {
  return {
    workedShare: options.share('worked_share', DEFAULT_HABITS.workedShare),
    demoNoise: options.share('demo_noise', DEFAULT_HABITS.demoNoise),
  };
}

/**
 * One demonstration message: the steps (with probability `workedShare`), the marker, the answer, as in
 * `17+25=42;42+38=80#80`.
 *
 * @param solution.steps - worked steps in order, e.g. `17+25=42`
 * @param solution.answer - what follows the marker
 * @param stream - one uniform for each of the two habits, then one per digit replaced
 */
export function demonstrationText(
  solution: { readonly steps: readonly string[]; readonly answer: string },
  habits: HabitOptions,
  stream: RandomStream,
): string {
  const worked = stream.uniform() < habits.workedShare;
  const noisy = stream.uniform() < habits.demoNoise;
  const text = `${worked ? solution.steps.join(';') : ''}${ANSWER_MARKER}${solution.answer}`;
  return noisy ? text.replace(/[0-9]/g, () => String(stream.int(10))) : text;
}

/**
 * What follows the last answer marker, trimmed; undefined when the text has none.
 *
 * @example
 * markedAnswer('17+25=42;42+38=80#80'); // => '80'
 */
export function markedAnswer(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARKER);
  return at < 0 ? undefined : text.slice(at + ANSWER_MARKER.length).trim();
}
