/**
 * Tensors of a Hugging Face checkpoint, and of a LoRA adapter in PEFT's format, as tensors of a GGUF file.
 * @see tensor-names.ts; llama.cpp, convert_lora_to_gguf.py
 * @module
 */
import type { DecoderShape } from '../support/decoder-shape.ts';
import { ConfigError } from '../support/errors.ts';
import type { GgufArchitecture } from './architectures.ts';
import { ROPE_FACTORS } from './rope-scaling.ts';
import { ggufName, permuteHeads, tensorChange } from './tensor-names.ts';
import { ropeFactors } from './write-architecture.ts';
import type { TensorToStore } from './write-container.ts';
import { encodeValues, TYPE_IDS, type WrittenType, writtenBytes, writtenType } from './write-values.ts';

/** A tensor of a checkpoint. */
export interface SourceTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Returns the values, row-major. */
  readonly values: () => Float32Array;
}

export interface TensorContext {
  readonly decoder: DecoderShape;
  readonly architecture: GgufArchitecture;
  /** Model folder, for messages. */
  readonly where: string;
}

/**
 * Returns the tensors of a complete model.
 *
 * @param type - type of the matrices
 * @throws ConfigError if a tensor has no place in a GGUF file
 */
export function modelTensors(
  sources: readonly SourceTensor[],
  type: WrittenType,
  context: TensorContext,
): TensorToStore[] {
  const { decoder } = context;
  // the output matrix of a model with tied embeddings is not used
  const used = sources.filter(({ name }) => !(decoder.tiedEmbeddings && name === 'lm_head.weight'));
  const factors = ropeFactors(decoder);
  return [
    ...(factors === undefined
      ? []
      : [stored(ROPE_FACTORS, { shape: [factors.length], values: () => factors }, 'F32')]),
    ...used.map((source) => {
      const values = (): Float32Array =>
        changed(source.name, source.values(), { ...context, shape: source.shape });
      const { shape } = source;
      return stored(nameOf(source.name, context), { shape, values }, writtenType(shape, type));
    }),
  ];
}

/**
 * Returns the tensors of an adapter, in float32: `NAME.lora_a` and `NAME.lora_b` for each matrix. Rows of a matrix that
 * llama.cpp reorders are rows of its `lora_b`.
 *
 * @throws ConfigError if a tensor is not part of a LoRA adapter
 */
export function adapterTensors(sources: readonly SourceTensor[], context: TensorContext): TensorToStore[] {
  return sources.map((source) => {
    const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(source.name);
    if (!match)
      throw new ConfigError(
        `${context.where}: expected an adapter of LoRA matrices, got the tensor "${source.name}"; export it with --merge`,
      );
    const target = `${match[1]}.weight`;
    const side = match[2] === 'A' ? 'lora_a' : 'lora_b';
    const { shape } = source;
    const values = (): Float32Array =>
      side === 'lora_a' ? source.values() : changed(target, source.values(), { ...context, shape });
    return stored(`${nameOf(target, context)}.${side}`, { shape, values }, 'F32');
  });
}

function nameOf(name: string, { architecture, where }: TensorContext): string {
  const renamed = ggufName(name, architecture);
  if (renamed === undefined)
    throw new ConfigError(`${where}: tensor "${name}" has no place in a GGUF file; export safetensors`, {
      code: 'TROUPE_GGUF',
    });
  return renamed;
}

function changed(
  name: string,
  values: Float32Array,
  { decoder, architecture, shape }: TensorContext & { readonly shape: readonly number[] },
): Float32Array {
  const [rows = 0, columns = 1] = shape;
  switch (tensorChange(name, architecture)) {
    case 'permute_heads':
      return permuteHeads(values, { heads: decoder.heads, rows, columns, direction: 'to_gguf' });
    case 'permute_kv_heads':
      return permuteHeads(values, { heads: decoder.kvHeads, rows, columns, direction: 'to_gguf' });
    case 'norm_plus_one':
      return values.map((value) => value + 1);
    case 'none':
      return values;
  }
}

function stored(
  name: string,
  { shape, values }: Pick<SourceTensor, 'shape' | 'values'>,
  type: WrittenType,
): TensorToStore {
  return {
    ...{ name, shape, typeId: TYPE_IDS[type], byteLength: writtenBytes(shape, type) },
    bytes: () => encodeValues(values(), type),
  };
}
