/** Trains and evaluates a team whose agents answer by a protocol of your own. */
import { fileURLToPath } from 'node:url';
import { evaluate, type TeamFile, train } from 'troupe';
import { TINY_TEAM } from './tiny-run.ts';

const config: TeamFile = {
  ...TINY_TEAM,
  name: 'second-opinion',
  agents: 3,
  gate: { kind: 'off' },
  protocol: { kind: 'module', path: fileURLToPath(new URL('second-opinion.ts', import.meta.url)) },
};

for (const team of [config, (await train({ config }).result).run]) {
  const { evaluation } = await evaluate({ team, transcripts: false });
  const { mean, low, high } = evaluation.team.avg;
  const interval = `${(100 * mean).toFixed(1)}% [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
  console.log(`second opinion, ${typeof team === 'string' ? 'trained' : 'untrained'}: ${interval}`);
}
