/**
 * A small builder of ONNX graphs: values are names with a type, operators are nodes, `build` gives the
 * serialized model. Weights are graph inputs, never inlined, so one session serves every set of weights
 * of an architecture and nothing is copied into protobuf.
 * @see tape.ts for gradients of what is built here
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

/** Size of an axis: a number, or the name of one that is known only when the graph runs. */
export type Dim = number | string;

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** 'com.microsoft' for the runtime's own operators; default: standard ONNX. */
  readonly domain?: 'com.microsoft';
  readonly outputs?: number;
  readonly dtype?: DType;
}

/** Operator set and format version. The newer pair is only for what it has and the older does not: BitCast. */
const PLAIN = { opset: 21n, ir: 10n };
const WITH_BIT_CAST = { opset: 26n, ir: 11n };

export class Graph {
  readonly #nodes: NodeProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, Value>();
  #counter = 0;

  /** A tensor fed at run time. */
  input(name: string, shape: readonly Dim[], dtype: DType = 'float32'): Value {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return { name, dtype };
  }

  /** Marks a value as a result, under the given name. */
  output(value: Value, name: string): void {
    const alias = this.#emit('Identity', [value], { dtype: value.dtype }, [name])[0] as Value;
    this.#outputs.push(valueInfo(alias.name, value.dtype, undefined));
  }

  /** A float32 scalar; equal ones are shared. */
  scalar(value: number): Value {
    return this.#constant(`f:${value}`, 'float32', [], new Uint8Array(new Float32Array([value]).buffer));
  }

  /** A vector of int64, e.g. the shape argument of Reshape; equal ones are shared. */
  ints(values: readonly number[]): Value {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(`i:${values.join(',')}`, 'int64', [values.length], bytes);
  }

  /** One node with one output. */
  op(type: string, inputs: readonly (Value | undefined)[], options: NodeOptions = {}): Value {
    return this.ops(type, inputs, options)[0] as Value;
  }

  /** One node with `options.outputs` outputs (default 1). */
  ops(type: string, inputs: readonly (Value | undefined)[], options: NodeOptions = {}): readonly Value[] {
    const names = Array.from({ length: options.outputs ?? 1 }, () => `${type}_${this.#counter++}`);
    return this.#emit(type, inputs, options, names);
  }

  /** The serialized ModelProto. */
  build(name: string): Uint8Array {
    const { opset, ir } = this.#nodes.some(({ opType }) => opType === 'BitCast') ? WITH_BIT_CAST : PLAIN;
    const model = create(ModelProtoSchema, {
      irVersion: ir,
      producerName: 'troupe',
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: '', version: opset }),
        create(OperatorSetIdProtoSchema, { domain: 'com.microsoft', version: 1n }),
      ],
      graph: create(GraphProtoSchema, {
        name,
        node: this.#nodes,
        input: this.#inputs,
        output: this.#outputs,
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
