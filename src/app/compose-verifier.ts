/**
 * The verifiers of JSON-lines tasks, for what is no task.
 * @module
 */
import { createVerifier, judge, type VerifierName } from '../grade/verifier.ts';

export { VERIFIER_ABOUT, type VerifierName } from '../grade/verifier.ts';

/** Reads answers as the verifier of JSON-lines tasks does, for teams without a task. */
export function answerReader(verifier: VerifierName): (text: string) => string | undefined {
  const reader = createVerifier(verifier, { ignoreCase: false });
  return (text) => judge(reader, '', text).answer;
}
