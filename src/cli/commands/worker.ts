/**
 * `troupe worker up`: a worker for models on PyTorch, from nothing to the line for the team file; and
 * `troupe worker install`, the part that needs the network.
 * @module
 */
import { availableParallelism } from 'node:os';
import {
  createWorkerEnvironment,
  launchWorker,
  type StandaloneWorker,
  WORKER_ENVIRONMENT,
} from '../../app/compose-torch.ts';
import { listenForEnd, listenForInterrupt } from '../../app/interrupt.ts';
import { EngineError } from '../../support/errors.ts';
import { naturalNumber, portNumber, positiveNumber } from '../arguments.ts';
import type { DefineVerb } from '../command.ts';

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

export const defineWorker: DefineVerb = (program) => {
  const worker = program
    .command('worker')
    .description('models on PyTorch (docs/torch.md): a worker that teams on this machine use');
  worker
    .command('up')
    .description('install what a worker needs, start one, and print the line for team.yaml; Ctrl-C ends it')
    .option('--python <path>', 'a Python that has PyTorch and Transformers; nothing is installed')
    .option('--venv <folder>', `virtual environment to make or use (default: ${WORKER_ENVIRONMENT})`)
    .option('--port <port>', 'port; 0: any free one', portNumber, DEFAULT_PORT)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--device <device>', 'auto, cpu, cuda, cuda:1', 'auto')
    .option('--threads <count>', "threads on a CPU; 0: PyTorch's choice", naturalNumber, 0)
    .option('--memory-gib <amount>', 'most memory for models (default: what is free)', positiveNumber)
    .option('--json', 'say where it listens as one JSON line')
    .action(up);
  worker
    .command('install')
    .description('make the virtual environment that "troupe worker up" uses; prints its Python')
    .option('--python <path>', 'the Python to make it with (default: python3)')
    .option('--venv <folder>', `where (default: ${WORKER_ENVIRONMENT})`)
    .action(install);
};

async function install(flags: InstallFlags): Promise<void> {
  const { signal, release } = listenForInterrupt('taking back what was installed');
  try {
    process.stdout.write(`${await pythonOf(flags, signal)}\n`);
  } finally {
    release();
  }
}

async function up({ python, json, venv, ...flags }: UpFlags): Promise<void> {
  const { signal, release } = listenForEnd();
  try {
    const worker = await launchWorker({
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

/** The environment's Python, the environment made first where it has to be. */
async function pythonOf({ python, venv }: InstallFlags, signal: AbortSignal): Promise<string> {
  const made = await createWorkerEnvironment({
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
