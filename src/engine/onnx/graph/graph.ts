/**
 * A small builder of ONNX graphs: values are typed names, operators are nodes, and `build` serializes the model.
 * Weights are graph inputs, not initializers, so one session serves all models of an architecture and weights are
 * never copied into protobuf.
 * @see tape.ts for gradients
 * @module
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

export type DType = 'float32' | 'int64' | 'int32' | 'uint16' | 'bfloat16';

const ELEM_TYPE: Record<DType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint16: TensorProto_DataType.UINT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
};

/** A tensor of the graph. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
}

/** Size of an axis: a number, or a symbolic name for a size that is known only at run time. */
export type Dim = number | string;

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Operator domain: 'com.microsoft' for ONNX Runtime's contrib operators. Default: standard ONNX. */
  readonly domain?: 'com.microsoft';
  readonly outputs?: number;
  readonly dtype?: DType;
}

/** Opset and IR version. The newer pair is used only for graphs with BitCast, which opset 21 does not have. */
const PLAIN = { opset: 21n, ir: 10n };
const WITH_BIT_CAST = { opset: 26n, ir: 11n };

/** A graph that is split into a forward and a backward model; see {@link Graph.buildPair}. */
export interface GraphPair {
  readonly forward: Uint8Array;
  readonly backward: Uint8Array;
  /** Names of the activations that the forward model outputs and the backward model takes as inputs. */
  readonly saved: readonly string[];
}

/** Operators whose results are cheaper to recompute in the backward graph than to save. */
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Shape', 'Identity']);

export class Graph {
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #dtypes = new Map<string, DType>();
  #counter = 0;

  /** Declares a graph input. */
  input(name: string, shape: readonly Dim[], dtype: DType = 'float32'): Value {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return { name, dtype };
  }

  /** Declares a value as a graph output with the given name. */
  output(value: Value, name: string): void {
    const alias = this.#emit('Identity', [value], { dtype: value.dtype }, [name])[0] as Value;
    this.#outputs.push(valueInfo(alias.name, value.dtype, undefined));
  }

  /** Returns a float32 scalar constant; equal constants are shared. */
  scalar(value: number): Value {
    return this.#constant(`f:${value}`, 'float32', [], new Uint8Array(new Float32Array([value]).buffer));
  }

  /** Returns an int64 vector constant, e.g. the shape argument of Reshape; equal constants are shared. */
  ints(values: readonly number[]): Value {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(`i:${values.join(',')}`, 'int64', [values.length], bytes);
  }

  /** Adds a node with one output. */
  op(type: string, inputs: readonly (Value | undefined)[], options: NodeOptions = {}): Value {
    return this.ops(type, inputs, options)[0] as Value;
  }

  /** Adds a node with `options.outputs` outputs (default 1). */
  ops(type: string, inputs: readonly (Value | undefined)[], options: NodeOptions = {}): readonly Value[] {
    const names = Array.from({ length: options.outputs ?? 1 }, () => `${type}_${this.#counter++}`);
    return this.#emit(type, inputs, options, names);
  }

  /** Returns the graph as a serialized ModelProto. */
  build(name: string): Uint8Array {
    return this.#model(name, { nodes: this.#nodes, inputs: this.#inputs, outputs: this.#outputs });
  }

  /**
   * Returns the graph as a serialized ModelProto with only the nodes and inputs that the outputs depend on.
   *
   * @param outputs - names of the outputs to keep; default all
   */
  buildNeeded(name: string, outputs?: readonly string[]): Uint8Array {
    const wanted = this.#outputs.filter((output) => outputs?.includes(output.name) ?? true);
    const needed = this.#needed(
      wanted.map((output) => output.name),
      () => true,
    );
    return this.#model(name, {
      nodes: this.#nodes.filter((node) => needed.has(node)),
      inputs: this.#read(needed),
      outputs: wanted,
    });
  }

  /**
   * Splits the graph after its forward pass into two models. The first computes the forward outputs and the
   * activations that the second needs; the second computes the backward outputs. Values that do not depend on the
   * `dynamic` inputs (e.g. a weight cast to float32) are computed in both models instead of being passed on.
   *
   * @param cut - {@link nodeCount} at the end of the forward pass
   * @param dynamic - names of inputs that differ between runs
   * @param forward - names of the forward outputs
   */
  buildPair(
    name: string,
    {
      cut,
      dynamic,
      forward,
    }: {
      readonly cut: number;
      readonly dynamic: readonly string[];
      readonly forward: readonly string[];
    },
  ): GraphPair {
    const moving = this.#movingValues(dynamic);
    const before = new Set(this.#nodes.slice(0, cut).flatMap((node) => node.output));
    const backward = this.#outputs.filter((output) => !forward.includes(output.name));
    const saved = new Set<string>();
    const inBackward = this.#needed(
      backward.map((output) => output.name),
      (value, node) => {
        if (!before.has(value) || !moving.has(value) || VIEWS.has(node.opType)) return true;
        saved.add(value);
        return false;
      },
    );
    const kept = [...saved];
    const inForward = this.#needed([...forward, ...kept], () => true);
    const info = (value: string): ValueInfoProto =>
      valueInfo(value, this.#dtypes.get(value) ?? 'float32', undefined);
    return {
      saved: kept,
      forward: this.#model(`${name}-forward`, {
        nodes: this.#nodes.filter((node) => inForward.has(node)),
        inputs: this.#read(inForward),
        outputs: [...this.#outputs.filter((output) => forward.includes(output.name)), ...kept.map(info)],
      }),
      backward: this.#model(`${name}-backward`, {
        nodes: this.#nodes.filter((node) => inBackward.has(node)),
        inputs: [...this.#read(inBackward), ...kept.map(info)],
        outputs: backward,
      }),
    };
  }

  /** Returns the names of the values that depend on the given inputs. */
  #movingValues(inputs: readonly string[]): ReadonlySet<string> {
    const moving = new Set(inputs);
    for (const node of this.#nodes)
      if (node.input.some((value) => moving.has(value))) for (const value of node.output) moving.add(value);
    return moving;
  }

  /**
   * Returns all nodes that are needed to compute the given values. The search stops at a value for which
   * `enter` returns false: the node that computes this value, and the nodes before it, are not included
   * through this value.
   */
  #needed(
    values: readonly string[],
    enter: (value: string, node: NodeProto) => boolean,
  ): ReadonlySet<NodeProto> {
    const makers = new Map(this.#nodes.flatMap((node) => node.output.map((value) => [value, node] as const)));
    const needed = new Set<NodeProto>();
    const open = [...values];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      const maker = makers.get(value);
      if (!maker || needed.has(maker) || !enter(value, maker)) continue;
      needed.add(maker);
      open.push(...maker.input);
    }
    return needed;
  }

  /** Returns the graph inputs that the nodes read. */
  #read(nodes: ReadonlySet<NodeProto>): ValueInfoProto[] {
    const read = new Set([...nodes].flatMap((node) => node.input));
    return this.#inputs.filter((input) => read.has(input.name));
  }

  #model(
    name: string,
    parts: {
      readonly nodes: NodeProto[];
      readonly inputs: ValueInfoProto[];
      readonly outputs: ValueInfoProto[];
    },
  ): Uint8Array {
    const { opset, ir } = parts.nodes.some(({ opType }) => opType === 'BitCast') ? WITH_BIT_CAST : PLAIN;
    const model = create(ModelProtoSchema, {
      irVersion: ir,
      producerName: 'troupe',
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: opset }),
        create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
      ],
      graph: create(GraphProtoSchema, {
        name,
        node: parts.nodes,
        input: parts.inputs,
        output: parts.outputs,
        initializer: this.#initializers,
      }),
    });
    return toBinary(ModelProtoSchema, model);
  }

  get nodeCount(): number {
    return this.#nodes.length;
  }

  #emit(
    type: string,
    inputs: readonly (Value | undefined)[],
    options: NodeOptions,
    names: readonly string[],
  ): readonly Value[] {
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType: type,
        name: names[0] ?? type,
        domain: options.domain ?? '',
        input: inputs.map((value) => value?.name ?? ''),
        output: [...names],
        attribute: Object.entries(options.attributes ?? {}).map(([key, value]) => attribute(key, value)),
      }),
    );
    const dtype = options.dtype ?? inputs[0]?.dtype ?? 'float32';
    for (const name of names) this.#dtypes.set(name, dtype);
    return names.map((name) => ({ name, dtype }));
  }

  #constant(key: string, dtype: DType, dims: readonly number[], rawData: Uint8Array<ArrayBuffer>): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const value: Value = { name: `const_${this.#constants.size}`, dtype };
    this.#initializers.push(
      create(TensorProtoSchema, {
        name: value.name,
        dataType: ELEM_TYPE[dtype],
        dims: dims.map(BigInt),
        rawData,
      }),
    );
    this.#constants.set(key, value);
    return value;
  }
}

function valueInfo(name: string, dtype: DType, shape: readonly Dim[] | undefined): ValueInfoProto {
  const tensor = create(TypeProto_TensorSchema, { elemType: ELEM_TYPE[dtype] });
  if (shape)
    tensor.shape = create(TensorShapeProtoSchema, {
      dim: shape.map((size) =>
        create(TensorShapeProto_DimensionSchema, {
          value:
            typeof size === 'number'
              ? { case: 'dimValue', value: BigInt(size) }
              : { case: 'dimParam', value: size },
        }),
      ),
    });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string')
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.INTS,
    ints: value.map(BigInt),
  });
}
