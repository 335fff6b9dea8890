/**
 * Reads a finished or running run from its folder: stages, updates with their KL divergence, acceptance
 * tests.
 */
import { finishedStages, foldEvents, readEvents, updatesOf } from 'troupe';
import { tinyRun } from './tiny-run.ts';

const view = foldEvents(readEvents(await tinyRun()));

for (const { stage, reward, evaluation } of finishedStages(view)) {
  const test = evaluation === undefined ? '' : `, test split ${evaluation.mean.toFixed(3)}`;
  console.log(`stage ${stage}: reward ${reward.toFixed(3)}${test}`);
}

for (const { stage, agent, status, attempts, targetKl } of updatesOf(view)) {
  const last = attempts.at(-1);
  const used =
    last === undefined ? 'no attempt' : `${((100 * last.klQuantile) / targetKl).toFixed(0)}% of its radius`;
  console.log(`stage ${stage}, ${view.agents[agent]}: ${status}, ${used}`);
}

for (const { label, team } of view.evaluations)
  console.log(
    `${label}: ${(100 * team.mean).toFixed(1)}% [${(100 * team.low).toFixed(1)}, ${(100 * team.high).toFixed(1)}]`,
  );
