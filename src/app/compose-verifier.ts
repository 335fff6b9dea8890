/**
 * The verifiers of JSON-lines tasks, for teams without a task.
 * @module
 */
import { createVerifier, type VerifierName } from '../grade/verifier.ts';

export { VERIFIER_ABOUT, type VerifierName } from '../grade/verifier.ts';

/** Reads answers as the verifier of JSON-lines tasks does, for teams without a task. */
export function answerReader(verifier: VerifierName): (text: string) => string | undefined {
  return createVerifier(verifier).answerOf;
}
