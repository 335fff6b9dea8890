/** Trains a team of three agents on sums and prints the reward of every stage. */
import { fileURLToPath } from 'node:url';
import { train } from 'troupe';

const run = train({
  config: {
    name: 'ten-lines',
    base: fileURLToPath(new URL('recipes/quickstart-base', import.meta.resolve('troupe/package.json'))), // any model folder or hf:OWNER/NAME
    agents: 3,
    task: { name: 'arithmetic', operands: 3 },
    train: { stages: 3, prompts_per_step: 32, num_generations: 4, max_completion_length: 32 },
    eval: { prompts: 50, k: 1 },
  },
});
for await (const event of run)
  if (event.kind === 'stage_finished') console.log(`stage ${event.stage}: reward ${event.reward.toFixed(3)}`);
console.log(`team to use: ${(await run.result).checkpoint}`);
