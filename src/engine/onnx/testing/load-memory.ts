/**
 * Run as a program of its own, so that its peak is its own: reads the checkpoint in a folder and prints the
 * growth of resident memory and the size of the model in float32, bytes.
 * @module
 */
import { loadCheckpoint } from '../checkpoint.ts';

const [dir = ''] = process.argv.slice(2);
globalThis.gc?.();
const before = process.memoryUsage().rss;
const { weights } = loadCheckpoint(dir, { optimizer: false });
const peak = process.resourceUsage().maxRSS * 1024; // kilobytes on every platform
const bytes = [...weights.values()].reduce((sum, values) => sum + values.byteLength, 0);
process.stdout.write(`${JSON.stringify({ growth: peak - before, bytes })}\n`);
