/**
 * `troupe doctor`: whether this machine can run troupe, one line per thing that matters, with what to do
 * about those that are not right.
 * @module
 */
import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { isWritable, nearestExisting } from '../../app/writable.ts';
import { textTable } from '../../report/text-table.ts';
import type { DefineVerb } from '../command.ts';

export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly found: string;
  /** What to do; only when not ok. */
  readonly advice?: string;
}

/** What the checks look at; measured by {@link measureMachine}. */
export interface Machine {
  readonly node: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  readonly freeDiskBytes: number;
  /** Folder that run folders are made in. */
  readonly folder: string;
  readonly writable: boolean;
  /** Milliseconds of a first product through ONNX Runtime, or why there was none. */
  readonly runtime: number | Error;
}

const OLDEST_NODE = [20, 19] as const;
const GB = 1e9;
/** What quickstart needs. */
const MEMORY_BYTES = 3 * GB;
const DISK_BYTES = 1 * GB;

export const defineDoctor: DefineVerb = (program) => {
  program
    .command('doctor')
    .description('check this machine: Node, ONNX Runtime, cores, memory, disk')
    .action(async () => {
      const checks = checkMachine(await measureMachine());
      process.stdout.write(`${renderChecks(checks)}\n`);
      if (checks.some(({ status }) => status === 'fail')) process.exitCode = 1;
    });
};

/** @returns one check per thing that matters, in the order a user should fix them */
export function checkMachine(machine: Machine): Check[] {
  return [
    checkNode(machine.node),
    checkRuntime(machine.runtime),
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

/** One line per check. */
export function renderChecks(checks: readonly Check[]): string {
  return textTable(
    checks.map(({ status, name, found, advice }) => [status, name, advice ? `${found}; ${advice}` : found]),
  );
}

/** Looks at this machine. */
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
    runtime: await probe(),
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

function checkRuntime(runtime: number | Error): Check {
  const name = 'onnxruntime';
  if (typeof runtime === 'number')
    return { name, status: 'ok', found: `loads and computes (${runtime.toFixed(0)} ms)` };
  const found = runtime.message.split('\n')[0] ?? '';
  // the error of a missing runtime contains the command that repairs it
  return { name, status: 'fail', found, ...(found.includes('; ') ? {} : { advice: 'install troupe again' }) };
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

/** Loaded only here, so that the doctor can speak where a package is missing. */
async function probe(): Promise<number | Error> {
  try {
    const { checkRuntime } = await import('../../app/compose-models.ts');
    return await checkRuntime();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What a container allows, where it allows less than the machine has. */
function memoryLimit(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

function gigabytes(bytes: number): string {
  return `${(bytes / GB).toFixed(1)} GB`;
}
