/**
 * Measures verdicts on mathematical answers per second on one core, in both modes of the verifier: the median
 * of several rounds over the answers of a fixture.
 * @module
 */
import { readFileSync } from 'node:fs';
import { type MathMode, normalAnswer, verifyMath } from '../src/grade/math/verify.ts';
import { median } from './matmuls.ts';

const FIXTURE = new URL('../test/fixtures/math500-variants.jsonl', import.meta.url);
/** Minimum number of verdicts per round, so that a round takes long enough to time it. */
const VERDICTS_PER_ROUND = 2000;
const ROUNDS = 9;

export interface VerifyBench {
  readonly math500_verdicts_per_s: number;
  readonly strict_verdicts_per_s: number;
  /** Computes the verdict and the normal form of an answer, as a task does. */
  readonly judged_answers_per_s: number;
  readonly cases: number;
}

export async function benchVerify(log: (line: string) => void): Promise<VerifyBench> {
  const cases = readFileSync(FIXTURE, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { gold: string; text: string } => {
      const { gold, prediction } = JSON.parse(line);
      return { gold, text: `Therefore the answer is \\boxed{${prediction}}.` };
    });
  const verdicts = (mode: MathMode) => rate(cases, ({ gold, text }) => verifyMath(gold, text, mode));
  const result: VerifyBench = {
    math500_verdicts_per_s: verdicts('equivalent'),
    strict_verdicts_per_s: verdicts('strict-deepscaler'),
    judged_answers_per_s: rate(cases, ({ gold, text }) =>
      normalAnswer(verifyMath(gold, text).extracted?.text ?? ''),
    ),
    cases: cases.length,
  };
  log(
    `${cases.length} cases: equivalent ${result.math500_verdicts_per_s} verdicts/s (aim: at least 2000), strict ` +
      `${result.strict_verdicts_per_s}, with normal forms ${result.judged_answers_per_s}`,
  );
  return result;
}

/** Returns the number of calls per second, median over rounds. */
function rate<T>(items: readonly T[], call: (item: T) => unknown): number {
  const passes = Math.ceil(VERDICTS_PER_ROUND / items.length);
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let pass = 0; pass < passes; pass++) for (const item of items) call(item);
    return (1000 * passes * items.length) / (performance.now() - start);
  });
  return Math.round(median(rates));
}
