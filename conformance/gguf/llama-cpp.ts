/**
 * Runs check_export.py, which compares GGUF files in llama.cpp with a model of troupe. It needs a Python with xllamacpp:
 * TROUPE_PYTHON, else python3.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LlamaCppCase } from './cases.ts';

const PYTHON = process.env.TROUPE_PYTHON ?? 'python3';
const CHECK = fileURLToPath(new URL('./check_export.py', import.meta.url));

export function hasLlamaCpp(): boolean {
  return spawnSync(PYTHON, ['-c', 'import xllamacpp'], { timeout: 60_000 }).status === 0;
}

/**
 * Compares the cases with llama.cpp.
 *
 * @param dir - folder for the file of the cases
 * @returns the output, one line per case
 * @throws Error with the output if a case differs by more than its tolerance
 */
export function compareWithLlamaCpp(cases: readonly LlamaCppCase[], dir: string): string {
  const path = join(dir, 'cases.json');
  writeFileSync(path, JSON.stringify(cases));
  const { status, stdout, stderr } = spawnSync(PYTHON, [CHECK, path], { encoding: 'utf8', timeout: 280_000 });
  if (status !== 0)
    throw new Error(`llama.cpp: expected equal ids and log-probabilities, got\n${stdout}${stderr}`);
  return stdout;
}
