/**
 * Measures random models of realistic sizes: loading, decoding, full-parameter training and LoRA training.
 * Reports the ratios to PyTorch with Transformers on the same machine in the same run. Each engine runs in a
 * separate process, one after the other, so that the peak memory of each is measured separately.
 *
 * Options by environment variable:
 *   TROUPE_PYTHON         interpreter with torch, transformers and peft; absent: no ratios
 *   TROUPE_BENCH_MODELS   names separated by commas; default all
 *   TROUPE_BENCH_SIZE     small or full (default): how many tokens are timed
 *   TROUPE_BENCH_THREADS  threads of both sides; default 2
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ModelMeasurement, SHAPES, type Workload, writeRandomModel } from './model-shapes.ts';

/** URL of the loader that `node --import` needs to run TypeScript. */
const TYPESCRIPT = new URL('../scripts/typescript.mjs', import.meta.url).href;

const SIZES: Readonly<Record<string, Workload>> = {
  small: { batch: 4, context: 32, message: 32, decodeBatch: 16, decodeTokens: 12, rounds: 1 },
  full: { batch: 4, context: 64, message: 64, decodeBatch: 32, decodeTokens: 32, rounds: 3 },
};

/** Kinds of training that are measured. */
const KINDS = ['full', 'lora'] as const;

const INSTALL =
  'models: TROUPE_PYTHON is not set, so there are no ratios to PyTorch; set it to the Python of a virtual environment with conformance/requirements.txt';

export async function benchModels(log: (line: string) => void): Promise<object> {
  const wanted =
    process.env.TROUPE_BENCH_MODELS?.split(',') ?? Object.keys(SHAPES).filter((name) => name !== 'tiny-4m');
  const workload = SIZES[process.env.TROUPE_BENCH_SIZE ?? 'full'];
  if (!workload || wanted.some((name) => !(name in SHAPES)))
    throw new RangeError(
      `models: expected TROUPE_BENCH_MODELS of ${Object.keys(SHAPES)} and TROUPE_BENCH_SIZE small or full`,
    );
  const threads = Number(process.env.TROUPE_BENCH_THREADS ?? 2);
  const python = process.env.TROUPE_PYTHON;
  if (!python) log(INSTALL);
  const results: Record<string, object> = {};
  const folder = mkdtempSync(join(tmpdir(), 'troupe-models-'));
  try {
    for (const name of wanted) {
      const dir = join(folder, name);
      writeRandomModel(dir, name);
      for (const kind of KINDS) {
        const job = { dir, kind, workload, threads };
        const program = join(import.meta.dirname, 'model-run.ts');
        const own = measure(process.execPath, ['--import', TYPESCRIPT, program], job);
        const peer = python ? measure(python, [join(import.meta.dirname, 'model_run.py')], job) : undefined;
        const result = { ...own, ...(peer ? { torch: peer, ratio: ratios(own, peer) } : {}) };
        results[`${name}/${kind}`] = result;
        log(`${name} ${kind}: ${describe(own, peer)}`);
      }
      rmSync(dir, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

/**
 * Runs the benchmark program of one engine (the embedded one or PyTorch). The last line of its output is the
 * measurement as JSON.
 */
function measure(program: string, args: readonly string[], job: object): ModelMeasurement {
  const output = execFileSync(program, [...args, JSON.stringify(job)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // written by model-run.ts or model_run.py
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as ModelMeasurement;
}

/**
 * Returns ratios to the peer engine, PyTorch. For speeds, a ratio above 1 means faster; for memory, below 1
 * means less memory.
 */
function ratios(own: ModelMeasurement, peer: ModelMeasurement): object {
  return {
    load: peer.load_s / own.load_s,
    peak_memory: own.peak_gib / peer.peak_gib,
    decode: own.decode_tokens_per_s / peer.decode_tokens_per_s,
    train: own.train_tokens_per_s / peer.train_tokens_per_s,
  };
}

function describe(own: ModelMeasurement, peer: ModelMeasurement | undefined): string {
  const beside = (key: keyof ModelMeasurement, digits: number): string =>
    `${own[key].toFixed(digits)}${peer ? ` (torch ${peer[key].toFixed(digits)})` : ''}`;
  return (
    `load ${beside('load_s', 1)} s, peak ${beside('peak_gib', 2)} GiB, decode ${beside('decode_tokens_per_s', 1)} ` +
    `tokens/s, train ${beside('train_tokens_per_s', 1)} tokens/s, step ${beside('step_s', 2)} s`
  );
}
