/**
 * The parameters of a decoder. In memory, projections with the same input are stacked into one matrix (one large matmul
 * instead of two or three); on disk they are separate tensors.
 * @module
 */
import type { RandomStream } from '../../../core/rng.ts';
import { ConfigError } from '../../../support/errors.ts';
import type { AdapterShape, Target } from './adapter.ts';
import { type DecoderConfig, familyOf } from './config.ts';

/** One parameter: a matrix or a vector. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Tensors of the checkpoint that are stacked in this parameter, in stacking order, with their numbers of
   * rows.
   */
  readonly parts: readonly { readonly name: string; readonly rows: number }[];
  /** Whether weight decay applies; false for vectors (norm weights, biases). */
  readonly decay: boolean;
}

/** A projection of a layer and the matrices that are stacked in it. */
export interface Projection {
  readonly role: 'qkv' | 'o' | 'gate_up' | 'down';
  /** Number of columns. */
  readonly in: number;
  readonly parts: readonly { readonly target: Target; readonly rows: number }[];
  readonly biased: boolean;
}

/** Returns the full name of a layer's parameter. */
export function layerParameter(layer: number, role: string): string {
  return `layers.${layer}.${role}`;
}

/** Returns the four projections of a layer, in parameter order. */
export function projections(config: DecoderConfig): Readonly<Record<Projection['role'], Projection>> {
  const { hiddenSize: D, intermediateSize: F, headDim, heads, kvHeads, biases } = config;
  const attention = heads * headDim;
  return {
    qkv: {
      role: 'qkv',
      in: D,
      parts: [
        { target: 'q_proj', rows: attention },
        { target: 'k_proj', rows: kvHeads * headDim },
        { target: 'v_proj', rows: kvHeads * headDim },
      ],
      biased: biases?.qkv ?? false,
    },
    o: { role: 'o', in: attention, parts: [{ target: 'o_proj', rows: D }], biased: biases?.o ?? false },
    gate_up: {
      role: 'gate_up',
      in: D,
      parts: [
        { target: 'gate_proj', rows: F },
        { target: 'up_proj', rows: F },
      ],
      biased: biases?.mlp ?? false,
    },
    down: { role: 'down', in: F, parts: [{ target: 'down_proj', rows: D }], biased: biases?.mlp ?? false },
  };
}

/** Returns the name of a projection in a checkpoint, without `.weight` or `.bias`. */
export function diskName(layer: number, target: Target): string {
  const block =
    target === 'gate_proj' || target === 'up_proj' || target === 'down_proj' ? 'mlp' : 'self_attn';
  return `model.layers.${layer}.${block}.${target}`;
}

/** Returns all parameters in a fixed order, which is also the order of gradients and optimizer state. */
export function parameterSpecs(config: DecoderConfig): readonly ParameterSpec[] {
  const { hiddenSize: D, vocabSize: V } = config;
  const specs: ParameterSpec[] = [matrix('embed_tokens', [V, D], [['model.embed_tokens.weight', V]])];
  for (let l = 0; l < config.layers; l++)
    for (const spec of layerSpecs(config, l)) specs.push({ ...spec, name: layerParameter(l, spec.name) });
  specs.push(vector('norm', D, 'model.norm.weight'));
  if (!config.tiedEmbeddings) specs.push(matrix('lm_head', [V, D], [['lm_head.weight', V]]));
  return specs;
}

/** Returns the parameters of layer `l`, named by their roles. */
export function layerSpecs(config: DecoderConfig, l: number): readonly ParameterSpec[] {
  const { hiddenSize: D, headDim } = config;
  const { qkNorm, sandwichNorms } = familyOf(config);
  const { qkv, o, gate_up, down } = projections(config);
  const norm = (role: string, width: number, name: string): ParameterSpec =>
    vector(role, width, `model.layers.${l}.${name}.weight`);
  const projection = ({ role, in: columns, parts, biased }: Projection): ParameterSpec[] => {
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const stacked = (kind: 'weight' | 'bias') =>
      parts.map((part): [string, number] => [`${diskName(l, part.target)}.${kind}`, part.rows]);
    const weight = matrix(role, [rows, columns], stacked('weight'));
    return biased ? [weight, stackedVector(`${role}_bias`, rows, stacked('bias'))] : [weight];
  };
  return [
    norm('input_norm', D, 'input_layernorm'),
    ...projection(qkv),
    ...(qkNorm
      ? [norm('q_norm', headDim, 'self_attn.q_norm'), norm('k_norm', headDim, 'self_attn.k_norm')]
      : []),
    ...projection(o),
    // Gemma applies post_attention_layernorm before the residual addition, other families after it
    ...(sandwichNorms ? [norm('attention_out_norm', D, 'post_attention_layernorm')] : []),
    norm('post_norm', D, sandwichNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'),
    ...projection(gate_up),
    ...projection(down),
    ...(sandwichNorms ? [norm('mlp_out_norm', D, 'post_feedforward_layernorm')] : []),
  ];
}

/**
 * Returns the parameters of an adapter in a fixed order. The A matrices of a projection's parts are stacked
 * to [parts * r, in], the B matrices to [rows of all parts, r].
 */
export function adapterSpecs(config: DecoderConfig, adapter: AdapterShape): readonly ParameterSpec[] {
  return Array.from({ length: config.layers }, (_, l) =>
    adapterLayerSpecs(config, adapter, l).map((spec) => ({ ...spec, name: layerParameter(l, spec.name) })),
  ).flat();
}

/** Returns an adapter's parameters in layer `l`, named by their roles. */
export function adapterLayerSpecs(
  config: DecoderConfig,
  { rank, targets }: AdapterShape,
  l: number,
): readonly ParameterSpec[] {
  return Object.values(projections(config)).flatMap(({ role, in: columns, parts }) => {
    const adapted = parts.filter(({ target }) => targets.includes(target));
    if (adapted.length === 0) return [];
    const rows = adapted.reduce((sum, part) => sum + part.rows, 0);
    const disk = (target: Target, factor: 'A' | 'B'): string =>
      `base_model.model.${diskName(l, target)}.lora_${factor}.weight`;
    return [
      matrix(
        `${role}.lora_a`,
        [adapted.length * rank, columns],
        adapted.map(({ target }) => [disk(target, 'A'), rank]),
      ),
      matrix(
        `${role}.lora_b`,
        [rows, rank],
        adapted.map((part) => [disk(part.target, 'B'), part.rows]),
      ),
    ];
  });
}

function matrix(
  name: string,
  shape: readonly [number, number],
  parts: readonly (readonly [string, number])[],
): ParameterSpec {
  return { name, shape, parts: parts.map(([part, rows]) => ({ name: part, rows })), decay: true };
}

function vector(name: string, length: number, disk: string): ParameterSpec {
  return stackedVector(name, length, [[disk, length]]);
}

function stackedVector(
  name: string,
  length: number,
  parts: readonly (readonly [string, number])[],
): ParameterSpec {
  return { name, shape: [length], parts: parts.map(([part, rows]) => ({ name: part, rows })), decay: false };
}

/** Number of elements. */
export function parameterSize(spec: ParameterSpec): number {
  return spec.shape.reduce((product, size) => product * size, 1);
}

/** Weights by parameter name, float32, row-major. */
export type Weights = ReadonlyMap<string, Float32Array>;

/**
 * Returns initial weights. Matrices are drawn from a normal distribution whose standard deviation depends on
 * the model's width, and is multiplied by 1/sqrt(2 layers) for projections into the residual stream. Norm
 * factors are 1, biases are 0. Each parameter has its own random stream.
 */
export function initialWeights(config: DecoderConfig, stream: RandomStream): Weights {
  const weights = new Map<string, Float32Array>();
  parameterSpecs(config).forEach((spec, index) => {
    const values = new Float32Array(parameterSize(spec));
    if (spec.shape.length === 1)
      values.fill(spec.name.endsWith('_bias') ? 0 : 1 - familyOf(config).normOffset); // norm factors are 1
    else {
      const writesResidual = spec.name.endsWith('.o') || spec.name.endsWith('.down');
      const deviation = initialDeviation(config) * (writesResidual ? 1 / Math.sqrt(2 * config.layers) : 1);
      const draws = stream.child(index);
      for (let i = 0; i < values.length; i++) values[i] = deviation * draws.normal();
    }
    weights.set(spec.name, values);
  });
  return weights;
}

/**
 * Returns the initial standard deviation: 1/sqrt(D), limited to [0.02, 0.08]. 0.02 is the usual value and
 * corresponds to D of about 2,500; narrow models need larger weights.
 */
function initialDeviation(config: DecoderConfig): number {
  return Math.max(0.02, Math.min(0.08, 1 / Math.sqrt(config.hiddenSize)));
}

/** A tensor of a checkpoint with float32 values. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Splits stacked parameters into the tensors of the checkpoint format; values are views, not copies. */
export function toDiskTensors(specs: readonly ParameterSpec[], weights: Weights): NamedTensor[] {
  return specs.flatMap((spec) => {
    const values = weights.get(spec.name) as Float32Array;
    const rowSize = spec.shape.length === 1 ? 1 : (spec.shape[1] as number);
    let row = 0;
    return spec.parts.map((part) => {
      const slice = values.subarray(row * rowSize, (row + part.rows) * rowSize);
      row += part.rows;
      return {
        name: part.name,
        shape: spec.shape.length === 1 ? [part.rows] : [part.rows, rowSize],
        values: slice,
      };
    });
  });
}

/** Read access to the tensors of a checkpoint by name. */
export interface TensorSource {
  shapeOf(name: string): readonly number[] | undefined;
  /** Reads an existing tensor into `target`. */
  readInto(name: string, target: Float32Array): void;
}

/**
 * Creates a source of tensors in memory. Their names are those of the checkpoint with `prefix` before them.
 */
export function tensorSource(
  tensors: ReadonlyMap<string, Omit<NamedTensor, 'name'>>,
  prefix = '',
): TensorSource {
  return {
    shapeOf: (name) => tensors.get(prefix + name)?.shape,
    readInto: (name, target) => target.set(tensors.get(prefix + name)?.values ?? []),
  };
}

/**
 * Stacks the tensors of a checkpoint into parameters; every tensor is read directly into its final memory.
 *
 * @param where - path of the file, for error messages
 * @throws ConfigError if a tensor is missing or its shape differs from the config
 */
export function fromDiskTensors(
  specs: readonly ParameterSpec[],
  source: TensorSource,
  where: string,
): Map<string, Float32Array> {
  checkDiskTensors(specs, source, where);
  const weights = new Map<string, Float32Array>();
  for (const spec of specs) {
    const rowSize = spec.shape.length === 1 ? 1 : (spec.shape[1] as number);
    const values = new Float32Array(parameterSize(spec));
    let row = 0;
    for (const part of spec.parts) {
      source.readInto(part.name, values.subarray(row * rowSize, (row + part.rows) * rowSize));
      row += part.rows;
    }
    weights.set(spec.name, values);
  }
  return weights;
}

/**
 * Checks the names and shapes of the tensors of all parameters.
 *
 * @param where - path of the file, for error messages
 * @throws ConfigError if a tensor is missing or its shape differs from the config
 */
export function checkDiskTensors(
  specs: readonly ParameterSpec[],
  { shapeOf }: Pick<TensorSource, 'shapeOf'>,
  where: string,
): void {
  for (const { shape: whole, parts } of specs)
    for (const { name, rows } of parts) {
      const shape = shapeOf(name);
      const expected = whole.length === 1 ? [rows] : [rows, whole[1]];
      if (!shape)
        throw new ConfigError(
          `${where}: tensor "${name}" is missing; config.json asks for it, the two belong to different models`,
        );
      if (shape.join() !== expected.join())
        throw new ConfigError(
          `${where}: tensor "${name}" has shape [${shape}], config.json asks for [${expected}]; the two belong to different models`,
        );
    }
}
