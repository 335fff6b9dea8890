/**
 * `troupe ray up` starts a Ray cluster on this machine, or a driver for a running cluster, and prints the
 * lines to add to the team file.
 * @module
 */
import {
  installWorker,
  type RayDriver,
  startRayDriver,
  WORKER_ENVIRONMENTS,
} from '../../app/compose/workers.ts';
import { EngineError } from '../../support/errors.ts';
import { naturalNumber, portNumber } from '../arguments.ts';
import type { DefineCommand } from '../command.ts';
import { listenForEnd } from '../interrupt.ts';

interface UpFlags {
  readonly python?: string;
  readonly venv?: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly numCpus?: number;
  readonly numGpus?: number;
  readonly objectStoreMib?: number;
  readonly tempDir?: string;
  readonly json?: true;
}

const DEFAULT_PORT = 8471;

export const defineRay: DefineCommand = (program) => {
  program
    .command('ray')
    .description('run models on a Ray cluster (docs/cluster.md)')
    .command('up')
    .description(
      'start a Ray cluster of this machine and a driver to it, and print the lines for team.yaml; Ctrl-C ends both',
    )
    .option('--python <path>', 'a Python that has Ray, PyTorch and Transformers; nothing is installed')
    .option('--venv <folder>', `virtual environment to create or use (default: ${WORKER_ENVIRONMENTS.ray})`)
    .option(
      '--address <address>',
      'address of a running cluster: HOST:PORT, or auto for the one on this machine',
      'local',
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port; 0: any free one', portNumber, DEFAULT_PORT)
    .option('--num-cpus <count>', 'CPUs of the cluster (default: all)', naturalNumber)
    .option('--num-gpus <count>', 'GPUs of the cluster (default: all)', naturalNumber)
    .option(
      '--object-store-mib <amount>',
      "memory of the object store (default: Ray's choice)",
      naturalNumber,
    )
    .option('--temp-dir <folder>', "Ray's folder (default: /tmp/ray)")
    .option('--json', 'print the address and the token as one JSON line')
    .action(up);
};

async function up({
  json,
  python,
  venv,
  numCpus,
  numGpus,
  objectStoreMib,
  tempDir,
  ...flags
}: UpFlags): Promise<void> {
  const { signal, release } = listenForEnd();
  try {
    const driver = await startRayDriver({
      ...flags,
      python: python ?? (await installed(venv, signal)),
      token: process.env.TROUPE_WORKER_TOKEN || undefined,
      local: {
        ...(numCpus === undefined ? {} : { cpus: numCpus }),
        ...(numGpus === undefined ? {} : { gpus: numGpus }),
        ...(objectStoreMib === undefined ? {} : { objectStoreMib }),
        ...(tempDir === undefined ? {} : { temporary: tempDir }),
      },
    });
    try {
      process.stdout.write(json ? `${JSON.stringify(driver.facts)}\n` : announcement(driver));
      const death = await driver.ended(signal);
      if (death !== undefined && !signal.aborted) throw new EngineError(`troupe ray: ${death}`);
    } finally {
      await driver.close();
    }
  } finally {
    release();
  }
}

/** Creates the Python environment if it is missing, and returns the path of its Python interpreter. */
async function installed(folder: string | undefined, signal: AbortSignal): Promise<string> {
  const made = await installWorker('ray', {
    signal,
    onLine: (line) => process.stderr.write(`${line}\n`),
    ...(folder === undefined ? {} : { folder }),
  });
  return made.python;
}

function announcement({ facts }: RayDriver): string {
  const { url, token, tokenIsOwn, nodes, cpus, gpus, gpusPerAgent } = facts;
  const lines = [
    `a driver to ${nodes} ${nodes === 1 ? 'node' : 'nodes'} with ${cpus} CPUs and ${gpus} GPUs listens on ${url}`,
    '',
    'in the team file:',
    '  engine: {kind: ray}',
    `  ray: {address: "${url}", gpus_per_agent: ${gpusPerAgent}}`,
    ...(tokenIsOwn ? [] : ['', 'and where troupe is started:', `  export TROUPE_WORKER_TOKEN=${token}`]),
    '',
    'Ctrl-C ends it',
  ];
  return `${lines.join('\n')}\n`;
}
