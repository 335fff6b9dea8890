/**
 * Hugging Face folders in and out: `config.json`, `model.safetensors`, the tokenizer's files, and beside
 * them the optimiser's moments in `optimizer.safetensors`.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { ConfigError } from '../../support/errors.ts';
import { readSafetensors, writeSafetensors } from '../../support/safetensors.ts';
import { type DecoderConfig, decoderConfigJson, parseDecoderConfig } from './decoder/config.ts';
import { fromDiskTensors, parameterSpecs, toDiskTensors, type Weights } from './decoder/parameters.ts';
import type { OptimizerState } from './parameter-store.ts';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer.ts';

const WEIGHTS = 'model.safetensors';
const OPTIMIZER = 'optimizer.safetensors';

export interface Checkpoint {
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly tokenizer: TokenizerFiles;
  readonly optimizer?: OptimizerState;
}

/** @throws StoreError if a file cannot be written; files that were there are intact */
export function saveCheckpoint(dir: string, checkpoint: Checkpoint): void {
  const { config, weights, tokenizer, optimizer } = checkpoint;
  const specs = parameterSpecs(config);
  mkdirSync(dir, { recursive: true });
  writeSafetensors(join(dir, WEIGHTS), toDiskTensors(specs, weights));
  if (optimizer) {
    const moments = (kind: 'm' | 'v') =>
      toDiskTensors(specs, optimizer[kind]).map((tensor) => ({ ...tensor, name: `${kind}.${tensor.name}` }));
    writeSafetensors(join(dir, OPTIMIZER), [...moments('m'), ...moments('v')], {
      step: String(optimizer.step),
    });
  }
  for (const [name, bytes] of tokenizer.files) writeFileAtomic(join(dir, name), bytes);
  writeFileAtomic(join(dir, 'config.json'), `${JSON.stringify(decoderConfigJson(config), null, 2)}\n`);
}

/**
 * @param options.optimizer - read the optimiser's state too, if it is there
 * @throws ConfigError if a file is missing, cut short, or does not fit the others
 */
export function loadCheckpoint(dir: string, options: { readonly optimizer: boolean }): Checkpoint {
  if (!existsSync(dir) || !statSync(dir).isDirectory())
    throw new ConfigError(
      `${dir}: the model folder does not exist; check the path, or make one with troupe pretrain`,
      {
        code: 'TROUPE_MODEL_MISSING',
      },
    );
  const config = readDecoderConfig(dir);
  const tokenizer = readTokenizerFiles(dir);
  const specs = parameterSpecs(config);
  const tensors = readSafetensors(join(dir, WEIGHTS));
  const weights = fromDiskTensors(specs, (name) => tensors.get(name), join(dir, WEIGHTS));
  const path = join(dir, OPTIMIZER);
  if (!options.optimizer || !existsSync(path)) return { config, weights, tokenizer };
  const saved = readSafetensors(path);
  const moments = (kind: 'm' | 'v') => fromDiskTensors(specs, (name) => saved.get(`${kind}.${name}`), path);
  return {
    config,
    weights,
    tokenizer,
    optimizer: { step: readStep(path), m: moments('m'), v: moments('v') },
  };
}

function readDecoderConfig(dir: string): DecoderConfig {
  const path = join(dir, 'config.json');
  if (!existsSync(path))
    throw new ConfigError(`${path}: the file is missing; a model folder needs its config.json`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${path}: expected JSON (${(cause as Error).message})`, { cause });
  }
  return parseDecoderConfig(json, path);
}

/** The optimiser's step count, from the header's metadata. */
function readStep(path: string): number {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength)) as {
    __metadata__?: { step?: string };
  };
  const step = Number(header.__metadata__?.step);
  if (!Number.isInteger(step) || step < 0)
    throw new ConfigError(`${path}: expected a step count in the metadata, got ${header.__metadata__?.step}`);
  return step;
}
