/**
 * The library entry `troupe/grade`: verifiers of answers, usable without teams, models and tasks.
 *
 * * {@link createVerifier}: a verifier by name, which gives verdicts with reward and reason, and normal forms for
 *   votes;
 * * {@link verifyMath}: verdicts on mathematical answers, by meaning or like DeepScaleR's grader;
 * * {@link runPython}: a Python interpreter without access to the host, for checkers that are written in Python.
 *
 * @example
 * createVerifier('numeric').verify('18', '9 * 2 = 18\n#### 18').reward; // => 1
 * @module
 */
export type { Verdict } from '../task/task.ts';
export { type ExtractedAnswer, type ExtractionRule, extractAnswer } from './math/extract.ts';
export type { Outcome } from './math/outcome.ts';
export {
  compareAnswers,
  MATH_MODES,
  type MathMode,
  type MathVerdict,
  normalAnswer,
  verifyMath,
} from './math/verify.ts';
export { extractNumber } from './numeric.ts';
export type { Program } from './python/ast.ts';
export { DEFAULT_LIMITS, type Limits } from './python/budget.ts';
export { LimitExceeded, PythonError, PythonSyntaxError, UnsupportedFeature } from './python/errors.ts';
export { Interpreter } from './python/interpreter.ts';
export { parseProgram } from './python/parser.ts';
export { repr } from './python/repr.ts';
export { runPython } from './python/run.ts';
export { unsupportedFeatures } from './python/unsupported-features.ts';
export type { Value as PythonValue } from './python/value.ts';
export {
  type AnswerVerifier,
  createVerifier,
  VERIFIER_ABOUT,
  VERIFIER_NAMES,
  type VerifierName,
  type VerifierOptions,
} from './verifier.ts';
