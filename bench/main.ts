/**
 * `npm run bench -- NAME [--json]`: runs one benchmark; each file of this folder measures one
 * performance-critical part. With --json, the last line of the output is one JSON object.
 * @module
 */
import { benchEngine } from './engine.ts';
import { benchMixture } from './mixture.ts';
import { benchModels } from './models.ts';
import { benchPlan } from './plan.ts';
import { benchRay } from './ray.ts';
import { benchServe } from './serve.ts';
import { benchStart } from './start.ts';
import { benchVerify } from './verify.ts';
import { benchWatch } from './watch.ts';

const BENCHES: Readonly<Record<string, (log: (line: string) => void) => Promise<object>>> = {
  engine: benchEngine,
  mixture: benchMixture,
  models: benchModels,
  plan: benchPlan,
  ray: benchRay,
  serve: benchServe,
  start: benchStart,
  verify: benchVerify,
  watch: benchWatch,
};

const [name, ...flags] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (!bench || flags.some((flag) => flag !== '--json')) {
  console.error(
    `bench: expected one of ${Object.keys(BENCHES).join(', ')} and optionally --json, got "${process.argv.slice(2).join(' ')}"`,
  );
  process.exit(2);
}
const json = flags.includes('--json');
const result = await bench((line) => {
  if (!json) console.log(line);
});
if (json) console.log(JSON.stringify(result));
