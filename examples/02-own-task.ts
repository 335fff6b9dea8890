/** Pretrains a small base model on a task of your own, trains a team of three on it, and prints the gain. */
import { fileURLToPath } from 'node:url';
import { evaluate, pretrain, type TeamFile, train } from 'troupe';

const config: TeamFile = {
  name: 'own-task',
  base: 'runs/own-task-base',
  agents: 3,
  task: { name: 'reverse', module: fileURLToPath(new URL('reverse-digits.ts', import.meta.url)), digits: 3 },
  pretrain: {
    layers: 2,
    hidden_size: 64,
    heads: 2,
    kv_heads: 1,
    intermediate_size: 128,
    max_positions: 32,
    steps: 150,
    batch_size: 64,
    learning_rate: 0.003,
    warmup_steps: 10,
  },
  train: { stages: 6, prompts_per_step: 32, num_generations: 8, max_completion_length: 8 },
  gate: { kind: 'off' },
  eval: { prompts: 100, k: 2 },
};

for (const { folder, loss } of await pretrain({ config }))
  console.log(`base model ${folder}: loss ${loss.toFixed(3)} nats per token`);

const before = await evaluate({ team: config, transcripts: false });
const { run } = await train({ config }).result;
const after = await evaluate({ team: run, transcripts: false });

const accuracy = ({ evaluation }: typeof before): string => `${(100 * evaluation.team.avg.mean).toFixed(1)}%`;
console.log(`accuracy of the team on the test split: ${accuracy(before)} before, ${accuracy(after)} after`);
