/** Trains a small team, unless its run folder exists. The other examples use this run. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type TeamFile, train } from 'troupe';

export const BASE = fileURLToPath(
  new URL('recipes/quickstart-base', import.meta.resolve('troupe/package.json')),
);

export const TINY_TEAM: TeamFile = {
  name: 'tiny',
  base: BASE,
  agents: 2,
  task: { name: 'arithmetic', operands: 3 },
  train: { stages: 2, prompts_per_step: 16, num_generations: 4, max_completion_length: 32 },
  gate: { kind: 'promotion', every: 2, n_plan: 40 },
  eval: { prompts: 30, k: 2, stage_prompts: 20 },
};

/** @returns its run folder */
export async function tinyRun(): Promise<string> {
  const run = 'runs/example-tiny';
  if (!existsSync(run)) await train({ config: TINY_TEAM, run }).result;
  return run;
}
