/**
 * Run as a program of its own, so that its peak is its own: reads the checkpoint in a folder and prints the
 * growth of resident memory and the size of the model in float32, bytes.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { loadCheckpoint } from '../weights/checkpoint.ts';

const [dir = ''] = process.argv.slice(2);
globalThis.gc?.();
const before = process.memoryUsage().rss;
const { weights } = loadCheckpoint(dir, { optimizer: false });
const peak = peakBytes();
const bytes = [...weights.values()].reduce((sum, values) => sum + values.byteLength, 0);
process.stdout.write(`${JSON.stringify({ growth: peak - before, bytes })}\n`);

/** On Linux maxRSS is at least what the parent had when it started this process; VmHWM is this program's alone. */
function peakBytes(): number {
  const status = '/proc/self/status';
  const own = existsSync(status) && /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1];
  return 1024 * (own ? Number(own) : process.resourceUsage().maxRSS);
}
