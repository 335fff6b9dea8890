/** Replaces the model of one agent: an estimate of the effect, a paired comparison and an acceptance test. */
import { swap } from 'troupe';
import { BASE, tinyRun } from './tiny-run.ts';

const record = await swap({
  team: await tinyRun(),
  agent: 1,
  replacement: BASE, // the untrained model: the test should not prefer it
  mode: 'mixture', // starts within a KL radius of the present model at every token
  delta0: 0.05, // that radius, nats per token
  dryRun: true, // the forecast alone; without it the candidate is compared and tested, and `out` names its run folder
  onEvent: (event) => {
    if (event.kind === 'progress' && event.done === event.total)
      console.log(`${event.label}: ${event.total}`);
  },
});
console.log(JSON.stringify(record, null, 2));
