/** Evaluates a trained team on its test split, with progress and confidence intervals. */
import { evaluate, type Scores } from 'troupe';
import { tinyRun } from './tiny-run.ts';

const { evaluation, agents, transcripts } = await evaluate({
  team: await tinyRun(), // a run, a checkpoint inside one, a team file, or the keys of a team file
  samples: 4,
  prompts: 25,
  onEvent: (event) => {
    if (event.kind === 'progress' && event.done % 20 === 0)
      process.stderr.write(`\r${event.done} of ${event.total} messages`);
  },
});
process.stderr.write('\n');

function row(name: string, { avg, pass, maj }: Scores): string {
  const percent = ({ mean, low, high }: Scores['avg']): string =>
    `${(100 * mean).toFixed(1)}% [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
  return `${name.padEnd(8)} avg@K ${percent(avg)}   pass@K ${percent(pass)}   maj@K ${percent(maj)}`;
}

console.log(`${evaluation.prompts} prompts of the ${evaluation.split} split, K = ${evaluation.samples}`);
console.log(row('team', evaluation.team));
for (const [id, scores] of evaluation.agents.entries())
  if (scores) console.log(row(agents[id] ?? '', scores));
console.log(`every answer: ${transcripts}`);
