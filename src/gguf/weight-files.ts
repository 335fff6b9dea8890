/**
 * The weights of a GGUF file under the tensor names of a Hugging Face checkpoint. Tensors are converted to float32 one
 * by one on request; the changes of llama.cpp's converter are undone.
 * @see tensor-names.ts
 * @module
 */
import type { FloatTensor, TensorInfo } from '../support/safetensors-reader.ts';
import type { WeightFiles } from '../support/weight-files.ts';
import type { GgufArchitecture } from './architectures.ts';
import { architectureOf } from './config-json.ts';
import { type GgufFile, type GgufTensor, openGguf, tensorBytes } from './container.ts';
import { Metadata } from './metadata.ts';
import { ROPE_FACTORS } from './rope-scaling.ts';
import { huggingFaceName, permuteHeads, tensorChange } from './tensor-names.ts';
import { type TensorType, tensorType } from './tensor-types.ts';

/** Number of bytes that are read and converted at a time. */
const CHUNK = 4 * 2 ** 20;

/**
 * Opens the weights of a GGUF file; the caller closes them.
 *
 * @throws ConfigError if the file is damaged, or its architecture or a tensor type is not supported
 */
export function openGgufWeights(path: string): WeightFiles {
  const file = openGguf(path);
  try {
    return weightFiles(file, architectureOf(file));
  } catch (error) {
    file.close();
    throw error;
  }
}

function weightFiles(file: GgufFile, architecture: GgufArchitecture): WeightFiles {
  const sources = new Map<string, GgufTensor>();
  // a tensor without a counterpart keeps its name, so that the model that has no place for it is refused
  for (const tensor of file.tensors.values())
    if (tensor.name !== ROPE_FACTORS)
      sources.set(huggingFaceName(tensor.name, architecture) ?? tensor.name, tensor);
  const dtype = storedDtype([...sources.values()]);
  const tensors = new Map(
    [...sources].map(([name, { shape }]): [string, TensorInfo] => [name, { dtype, shape }]),
  );
  const sourceOf = (name: string): GgufTensor => {
    const tensor = sources.get(name);
    if (tensor === undefined) throw new RangeError(`${file.path}: expected a tensor "${name}", got none`);
    return tensor;
  };
  const readInto = (name: string, target: Float32Array): void => {
    const tensor = sourceOf(name);
    convert(file, tensor, target);
    undoChange(file, { name, tensor, architecture, target });
  };
  return {
    path: file.path,
    tensors,
    read: (name): FloatTensor | undefined => {
      const info = tensors.get(name);
      if (info === undefined) return undefined;
      const values = new Float32Array(lengthOf(info.shape));
      readInto(name, values);
      return { shape: info.shape, values };
    },
    readInto,
    readBytes: (name) => {
      const values = new Float32Array(lengthOf(sourceOf(name).shape));
      readInto(name, values);
      return new Uint8Array(values.buffer);
    },
    close: () => file.close(),
  };
}

/** Returns BF16 or F16 if all matrices have this type, else F32, the type of dequantized values. */
function storedDtype(tensors: readonly GgufTensor[]): TensorInfo['dtype'] {
  const types = new Set(
    tensors.filter(({ shape }) => shape.length > 1).map(({ typeId }) => tensorType(typeId)?.dtype ?? 'F32'),
  );
  const [only] = types;
  return types.size === 1 && only !== undefined ? only : 'F32';
}

/** Reads a tensor in chunks of whole blocks and converts them. */
function convert(file: GgufFile, tensor: GgufTensor, target: Float32Array): void {
  const type = tensorType(tensor.typeId) as TensorType; // architectureOf has checked the types
  if (target.length !== lengthOf(tensor.shape))
    throw new RangeError(
      `${file.path}: expected ${lengthOf(tensor.shape)} numbers for "${tensor.name}", got ${target.length}`,
    );
  const total = tensorBytes(file.path, tensor, type);
  const chunk = new Uint8Array(
    Math.min(total, Math.max(1, Math.floor(CHUNK / type.blockBytes)) * type.blockBytes),
  );
  for (let at = 0; at < total; at += chunk.length) {
    const bytes = chunk.subarray(0, Math.min(chunk.length, total - at));
    file.read(bytes, tensor.offset + at);
    const from = (at / type.blockBytes) * type.blockLength;
    const length = (bytes.length / type.blockBytes) * type.blockLength;
    type.convert(bytes, target.subarray(from, from + length));
  }
}

function undoChange(
  file: GgufFile,
  {
    name,
    tensor: { shape },
    architecture,
    target,
  }: {
    readonly name: string;
    readonly tensor: GgufTensor;
    readonly architecture: GgufArchitecture;
    readonly target: Float32Array;
  },
): void {
  const change = tensorChange(name, architecture);
  if (change === 'none') return;
  if (change === 'norm_plus_one') {
    for (let i = 0; i < target.length; i++) (target[i] as number) -= 1;
    return;
  }
  const metadata = new Metadata(file);
  const key = (part: string): number | undefined => metadata.number(`${architecture.name}.attention.${part}`);
  const heads = change === 'permute_heads' ? key('head_count') : (key('head_count_kv') ?? key('head_count'));
  const [rows = 0, columns = 1] = shape;
  target.set(permuteHeads(target, { heads: heads ?? 1, rows, columns, direction: 'to_hugging_face' }));
}

function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
