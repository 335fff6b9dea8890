/**
 * Checks whether this machine can run troupe: Node, ONNX Runtime, tokenizers, cores, memory, disk. Each failed check
 * comes with advice.
 * @module
 */
import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { isWritable, nearestExisting } from './writable.ts';

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** The measured value. */
  readonly found: string;
  /** How to repair the problem; absent if the status is ok. */
  readonly advice?: string;
}

/** Facts about a machine, which {@link measureMachine} measures and the checks use. */
export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly freeDiskBytes: number;
  /** Folder in which run folders are created. */
  readonly folder: string;
  readonly writable: boolean;
  /** Time to load ONNX Runtime and compute a matrix product, ms; the error if that failed. */
  readonly runtime: number | Error;
  /** Time to load the tokenizers library and encode a text, ms; the error if that failed. */
  readonly tokenizer: number | Error;
}

const OLDEST_NODE = [20, 19] as const;
const GB = 1e9;
/** Needs of the quickstart. */
const MEMORY_BYTES = 3 * GB;
const DISK_BYTES = 1 * GB;

/** @returns the checks, in the order in which a user should repair failed ones */
export function checkMachine(machine: Machine): Check[] {
  return [
    checkNode(machine.node),
    checkLibrary('onnxruntime', machine.runtime, 'loads and computes'),
    checkLibrary('tokenizers', machine.tokenizer, 'loads and encodes'),
    {
      name: 'cores',
      ...(machine.cores >= 2
        ? { status: 'ok', found: String(machine.cores) }
        : {
            status: 'warn',
            found: String(machine.cores),
            advice: 'works, but takes about twice as long as with 2',
          }),
    },
    checkAmount('memory', machine.freeMemoryBytes, {
      needed: MEMORY_BYTES,
      found: `${gigabytes(machine.freeMemoryBytes)} free of ${gigabytes(machine.memoryBytes)}`,
      advice: 'close other programs, or use smaller models and a lower engine.token_budget',
    }),
    checkAmount('disk', machine.freeDiskBytes, {
      needed: DISK_BYTES,
      found: `${gigabytes(machine.freeDiskBytes)} free`,
      advice: 'free some space, or lower train.save_total_limit',
    }),
    machine.writable
      ? { name: 'folder', status: 'ok', found: `${machine.folder} is writable` }
      : {
          name: 'folder',
          status: 'fail',
          found: `${machine.folder} is not writable`,
          advice: 'change to a folder of your own, or name one with --run',
        },
  ];
}

/** Measures this machine. */
export async function measureMachine(): Promise<Machine> {
  const folder = nearestExisting(resolve('runs'));
  const disk = statfsSync(folder);
  return {
    node: process.versions.node,
    cores: availableParallelism(),
    memoryBytes: memoryLimit(),
    freeMemoryBytes: Math.min(freemem(), memoryLimit()),
    freeDiskBytes: disk.bavail * disk.bsize,
    folder,
    writable: isWritable(folder),
    // imported on demand, so that the other checks also work if a package is missing
    runtime: await probe(async () => (await import('./compose/engine.ts')).checkRuntime()),
    tokenizer: await probe(async () => (await import('./compose/engine.ts')).checkTokenizer()),
  };
}

function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  const isNewEnough = major > oldest || (major === oldest && minor >= oldestMinor);
  return isNewEnough
    ? { name: 'node', status: 'ok', found: version }
    : {
        name: 'node',
        status: 'fail',
        found: version,
        advice: `install Node ${OLDEST_NODE.join('.')} or newer`,
      };
}

/** @param result - time of a first use of the library, ms, or its error, which names the repair */
function checkLibrary(name: string, result: number | Error, works: string): Check {
  return typeof result === 'number'
    ? { name, status: 'ok', found: `${works} (${result.toFixed(0)} ms)` }
    : { name, status: 'fail', found: result.message.split('\n')[0] ?? '' };
}

function checkAmount(
  name: string,
  available: number,
  { needed, found, advice }: { readonly needed: number; readonly found: string; readonly advice: string },
): Check {
  return available >= needed
    ? { name, status: 'ok', found }
    : { name, status: 'warn', found, advice: `quickstart needs ${gigabytes(needed)}; ${advice}` };
}

async function probe(check: () => Promise<number>): Promise<number | Error> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Memory of the machine, or the memory limit of its container if that is lower, bytes. */
function memoryLimit(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

function gigabytes(bytes: number): string {
  return `${(bytes / GB).toFixed(1)} GB`;
}
