/**
 * `troupe worker up` installs and starts a worker for PyTorch models, and prints the line to add to the team
 * file. `troupe worker install` runs only the installation, which needs the network.
 * @module
 */
import { availableParallelism } from 'node:os';
import {
  installWorker,
  type StandaloneWorker,
  startWorker,
  WORKER_ENVIRONMENTS,
} from '../../app/compose/workers.ts';
import { EngineError } from '../../support/errors.ts';
import { naturalNumber, portNumber, positiveNumber } from '../arguments.ts';
import type { DefineCommand } from '../command.ts';
import { listenForEnd, listenForInterrupt } from '../interrupt.ts';

interface InstallFlags {
  readonly python?: string;
  readonly venv?: string;
}

interface UpFlags extends InstallFlags {
  readonly port: number;
  readonly host: string;
  readonly device: string;
  readonly threads: number;
  readonly memoryGib?: number;
  readonly json?: true;
}

const DEFAULT_PORT = 8470;

export const defineWorker: DefineCommand = (program) => {
  const worker = program
    .command('worker')
    .description('run models on PyTorch (docs/torch.md): a worker for the teams of this machine');
  worker
    .command('up')
    .description('install what a worker needs, start one, and print the line for team.yaml; Ctrl-C ends it')
    .option('--python <path>', 'a Python that has PyTorch and Transformers; nothing is installed')
    .option(
      '--venv <folder>',
      `virtual environment to create or use (default: ${WORKER_ENVIRONMENTS.worker})`,
    )
    .option('--port <port>', 'port; 0: any free one', portNumber, DEFAULT_PORT)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--device <device>', 'auto, cpu, cuda, cuda:1', 'auto')
    .option('--threads <count>', "threads on a CPU; 0: PyTorch's choice", naturalNumber, 0)
    .option('--memory-gib <amount>', 'most memory for models (default: the free memory)', positiveNumber)
    .option('--json', 'print the address and the token as one JSON line')
    .action(up);
  worker
    .command('install')
    .description('create the virtual environment that "troupe worker up" uses; prints its Python')
    .option('--python <path>', 'the Python that creates it (default: python3)')
    .option('--venv <folder>', `folder (default: ${WORKER_ENVIRONMENTS.worker})`)
    .action(install);
};

async function install(flags: InstallFlags): Promise<void> {
  const { signal, release } = listenForInterrupt('removing the partial installation');
  try {
    process.stdout.write(`${await pythonOf(flags, signal)}\n`);
  } finally {
    release();
  }
}

async function up({ python, json, venv, ...flags }: UpFlags): Promise<void> {
  const { signal, release } = listenForEnd();
  try {
    const worker = await startWorker({
      ...flags,
      python: python ?? (await pythonOf(venv === undefined ? {} : { venv }, signal)),
      token: process.env.TROUPE_WORKER_TOKEN || undefined,
    });
    try {
      process.stdout.write(json ? `${JSON.stringify(worker.facts)}\n` : announcement(worker));
      const death = await worker.ended(signal);
      if (death !== undefined && !signal.aborted) throw new EngineError(`troupe worker: ${death}`);
    } finally {
      await worker.close();
    }
  } finally {
    release();
  }
}

/** Creates the Python environment if it is missing, and returns the path of its Python interpreter. */
async function pythonOf({ python, venv }: InstallFlags, signal: AbortSignal): Promise<string> {
  const made = await installWorker('worker', {
    signal,
    onLine: (line) => process.stderr.write(`${line}\n`),
    ...(python === undefined ? {} : { python }),
    ...(venv === undefined ? {} : { folder: venv }),
  });
  return made.python;
}

function announcement({ facts }: StandaloneWorker): string {
  const { url, token, device, torch, vllm, tokenIsOwn } = facts;
  const versions = `PyTorch ${torch}${vllm === undefined ? '' : `, vLLM ${vllm}`}`;
  const where = `a worker listens on ${url} (${device}, ${versions}${device === 'cpu' ? `, ${availableParallelism()} cores` : ''})`;
  const lines = [
    where,
    '',
    'in the team file:',
    '  engine: {kind: torch}',
    `  torch: {address: "${url}"}`,
    ...(tokenIsOwn ? [] : ['', 'and where troupe is started:', `  export TROUPE_WORKER_TOKEN=${token}`]),
    '',
    'Ctrl-C ends it',
  ];
  return `${lines.join('\n')}\n`;
}
