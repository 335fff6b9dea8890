/**
 * A program that reads the checkpoint of a folder and prints as JSON the growth of its peak resident memory
 * and the size of the model in float32, bytes. Tests run it as a separate process, so that other code does
 * not affect the peak.
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

/**
 * Returns the peak resident memory of this process, bytes. On Linux, maxRSS can include the parent's memory
 * at the time of the fork, so VmHWM is used, which belongs to this process alone.
 */
function peakBytes(): number {
  const status = '/proc/self/status';
  const own = existsSync(status) && /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1];
  return 1024 * (own ? Number(own) : process.resourceUsage().maxRSS);
}
