/**
 * Weights for an export: those of a model folder, optionally with a LoRA adapter in PEFT's format merged into
 * them: W + s B A with s = alpha / r, or s = alpha / sqrt(r) for rank-stabilised LoRA.
 * @see Hu et al., "LoRA", arXiv:2106.09685; Kalajdzievski, "rsLoRA", arXiv:2312.03732
 * @module
 */
import { join } from 'node:path';
import { openModelWeights } from '../gguf/model-files.ts';
import { ConfigError } from '../support/errors.ts';
import { readModelFileText } from '../support/read-model-file.ts';
import type { TensorToWrite } from '../support/safetensors.ts';
import { openSafetensors, type SafetensorsReader } from '../support/safetensors-reader.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

const PREFIX = 'base_model.model.';

export interface ExportedWeights {
  /**
   * The tensors in the order of the base's files. Each tensor is read and merged when its values are
   * requested.
   */
  readonly tensors: readonly TensorToWrite[];
  /** Names of the tensors that the adapter changes; absent without an adapter. */
  readonly merged?: ReadonlySet<string>;
  close(): void;
}

/**
 * @param dir - folder with the complete weights
 * @param adapter - folder of an adapter to merge into them
 * @throws ConfigError if a tensor of the adapter does not match the name and shape of a weight of the base
 */
export function exportedWeights(dir: string, adapter?: string): ExportedWeights {
  const files = openModelWeights(dir);
  let added: Adapter | undefined;
  try {
    added = adapter === undefined ? undefined : openAdapter(adapter);
    added?.check((name) => files.tensors.get(name)?.shape, files.path);
  } catch (error) {
    files.close();
    added?.close();
    throw error;
  }
  const tensors = [...files.tensors].map(([name, { shape }]): TensorToWrite => {
    const values = (): Float32Array => {
      // never undefined: the name comes from this file's header
      const read = files.read(name)?.values as Float32Array;
      added?.addTo(name, read);
      return read;
    };
    return { name, shape, values };
  });
  return {
    tensors,
    ...(added === undefined ? {} : { merged: added.targets }),
    close: () => {
      files.close();
      added?.close();
    },
  };
}

interface Adapter {
  /** Names of the weights of the base that the adapter changes. */
  readonly targets: ReadonlySet<string>;
  check(shapeOf: (name: string) => readonly number[] | undefined, base: string): void;
  addTo(name: string, weights: Float32Array): void;
  close(): void;
}

function openAdapter(dir: string): Adapter {
  const path = join(dir, ADAPTER_CONFIG);
  const {
    r,
    lora_alpha: alpha,
    use_rslora,
    ...rest
  } = JSON.parse(readModelFileText(path)) as {
    readonly r?: unknown;
    readonly lora_alpha?: unknown;
    readonly use_rslora?: unknown;
    readonly use_dora?: unknown;
    readonly rank_pattern?: object;
    readonly alpha_pattern?: object;
  };
  if (typeof r !== 'number' || typeof alpha !== 'number' || !(r >= 1))
    throw new ConfigError(`${path}: expected numbers r and lora_alpha, got ${r} and ${alpha}`);
  const patterns = Object.keys({ ...rest.rank_pattern, ...rest.alpha_pattern });
  if (rest.use_dora === true || patterns.length > 0)
    throw new ConfigError(
      `${path}: expected plain LoRA of one rank, got DoRA or patterns; merge it with PEFT`,
    );
  const scale = alpha / (use_rslora === true ? Math.sqrt(r) : r);
  const file = openSafetensors(join(dir, ADAPTER_WEIGHTS));
  const key = (name: string, side: 'A' | 'B'): string =>
    `${PREFIX}${name.replace(/\.weight$/, '')}.lora_${side}.weight`;
  const targets = [...file.tensors.keys()].map((name) =>
    name.replace(PREFIX, '').replace(/\.lora_[AB]\.weight$/, '.weight'),
  );
  return {
    targets: new Set(targets),
    check: (shapeOf, base) => checkAdapter(file, shapeOf, base),
    addTo(name, weights) {
      const [a, b] = [file.read(key(name, 'A')), file.read(key(name, 'B'))];
      if (a && b) addProduct(weights, { a: a.values, b: b.values, rank: a.shape[0] as number, scale });
    },
    close: () => file.close(),
  };
}

/**
 * @throws ConfigError if a tensor of the adapter does not match the name and shape of a weight of the base
 */
function checkAdapter(
  { tensors, path }: SafetensorsReader,
  shapeOf: (name: string) => readonly number[] | undefined,
  base: string,
): void {
  for (const [name, { shape }] of tensors) {
    const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name);
    const target = match && shapeOf(`${match[1]}.weight`);
    const [rows, columns] = target ?? [];
    const fits = match?.[2] === 'A' ? shape[1] === columns : shape[0] === rows;
    if (!target || shape.length !== 2 || !fits)
      throw new ConfigError(
        `${path}: tensor "${name}" of shape [${shape}] fits no weight of ${base}; the two belong to different models`,
      );
  }
}

/** weights += scale * b a. */
function addProduct(
  weights: Float32Array,
  {
    a,
    b,
    rank,
    scale,
  }: { readonly a: Float32Array; readonly b: Float32Array; readonly rank: number; readonly scale: number },
): void {
  const rows = b.length / rank;
  const columns = a.length / rank;
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < rank; k++) {
      const factor = scale * (b[row * rank + k] as number);
      const [to, from] = [row * columns, k * columns];
      for (let column = 0; column < columns; column++)
        (weights[to + column] as number) += factor * (a[from + column] as number);
    }
}
