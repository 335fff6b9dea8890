/**
 * Weights as graph inputs, declared at their first use. Frozen matrices can be bfloat16, which halves the memory: the
 * graph casts each matrix to float32 where it is used, so only one layer is in float32 at a time.
 * @module
 */
import type { Graph, Value } from '../graph/graph.ts';
import type { AdapterShape, Target } from './adapter.ts';
import type { DecoderConfig } from './config.ts';
import {
  adapterLayerSpecs,
  layerSpecs,
  type ParameterSpec,
  type Projection,
  parameterSpecs,
  projections,
} from './parameters.ts';

/** Storage type of frozen matrices; vectors and trainable parameters are always float32. */
export type WeightStorage = 'float32' | 'bfloat16';

/** Declares the weights of one graph. */
export class GraphWeights {
  readonly #graph: Graph;
  readonly #config: DecoderConfig;
  readonly #specs: ReadonlyMap<string, ParameterSpec>;
  readonly #storage: WeightStorage;
  readonly #made = new Map<string, Value>();

  constructor(
    graph: Graph,
    config: DecoderConfig,
    variant: { readonly adapter?: AdapterShape | undefined; readonly storage: WeightStorage },
  ) {
    this.#graph = graph;
    this.#config = config;
    this.#storage = variant.storage;
    const shared = parameterSpecs(config).filter(({ name }) => !name.startsWith('layers.'));
    const adapter = variant.adapter ? adapterLayerSpecs(config, variant.adapter, 0) : [];
    this.#specs = new Map([...shared, ...layerSpecs(config, 0), ...adapter].map((spec) => [spec.name, spec]));
  }

  /**
   * Returns a weight in float32. `name` is the role of a parameter of the layer, the name of a parameter
   * outside the layers, or the input name of a part that was declared before.
   */
  get(name: string): Value {
    return this.#once(name, () => this.#upcast(this.#spec(name)));
  }

  /** Declares one matrix of a stacked projection as a separate input, and returns it in float32. */
  part(role: Projection['role'], target: Target): Value {
    const name = partName(role, target);
    const { in: columns, parts } = projections(this.#config)[role];
    const { rows } = parts.find((part) => part.target === target) as Projection['parts'][number];
    return this.#once(name, () => this.#upcast({ name, shape: [rows, columns] }));
  }

  /** Returns a weight in its storage type. Used for tables of which the graph reads only rows or slices. */
  table(name: string): Value {
    return this.#once(name, () => this.#declare(this.#spec(name)));
  }

  #spec(name: string): ParameterSpec {
    return this.#specs.get(name) as ParameterSpec;
  }

  #once(name: string, make: () => Value): Value {
    let value = this.#made.get(name);
    if (!value) {
      value = make();
      this.#made.set(name, value);
    }
    return value;
  }

  #upcast(spec: Shaped): Value {
    const fed = this.#declare(spec);
    return fed.dtype === 'float32' ? fed : upcast(this.#graph, fed);
  }

  #declare(spec: Shaped): Value {
    const isBfloat16 = this.#storage === 'bfloat16' && isFrozenMatrix(spec);
    return this.#graph.input(spec.name, spec.shape, isBfloat16 ? 'uint16' : 'float32');
  }
}

type Shaped = Pick<ParameterSpec, 'name' | 'shape'>;

/** Returns the input name of one matrix of a stacked projection. */
export function partName(role: Projection['role'], target: Target): string {
  return `${role}.${target}`;
}

/** Returns whether a parameter of a model with a frozen base can be stored as bfloat16. */
export function isFrozenMatrix({ name, shape }: Shaped): boolean {
  return shape.length === 2 && !name.includes('.lora_');
}

/** Casts bfloat16 values, which are given as uint16 bits, to float32. */
export function upcast(graph: Graph, bits: Value): Value {
  const narrow = graph.op('BitCast', [bits], { attributes: { to: 16 }, dtype: 'bfloat16' });
  return graph.op('Cast', [narrow], { attributes: { to: 1 }, dtype: 'float32' });
}
