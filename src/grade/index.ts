/**
 * `troupe/grade`: verifiers of answers, usable without a task.
 * @module
 */
export {
  compareAnswers,
  MATH_MODES,
  type MathMode,
  type MathVerdict,
  normalAnswer,
  verifyMath,
} from './math/verify.ts';
