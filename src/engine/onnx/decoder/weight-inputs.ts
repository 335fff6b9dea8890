/**
 * Weights as graph inputs, declared when first read. Frozen matrices may be fed as bfloat16: they take half
 * the memory, and the graph widens each where it is used, so no more than one layer is ever wide.
 * @module
 */
import type { Graph, Value } from '../graph.ts';
import type { AdapterShape } from './adapter.ts';
import type { DecoderConfig } from './config.ts';
import { adapterLayerSpecs, layerSpecs, type ParameterSpec, parameterSpecs } from './parameters.ts';

/** How frozen matrices are kept; vectors and whatever is trained are always float32. */
export type WeightStorage = 'float32' | 'bfloat16';

export class GraphWeights {
  readonly #graph: Graph;
  readonly #specs: ReadonlyMap<string, ParameterSpec>;
  readonly #storage: WeightStorage;
  readonly #made = new Map<string, Value>();

  constructor(
    graph: Graph,
    config: DecoderConfig,
    variant: { readonly adapter?: AdapterShape | undefined; readonly storage: WeightStorage },
  ) {
    this.#graph = graph;
    this.#storage = variant.storage;
    const shared = parameterSpecs(config).filter(({ name }) => !name.startsWith('layers.'));
    const adapter = variant.adapter ? adapterLayerSpecs(config, variant.adapter, 0) : [];
    this.#specs = new Map([...shared, ...layerSpecs(config, 0), ...adapter].map((spec) => [spec.name, spec]));
  }

  /** Names of what was read, for feeding. */
  get names(): readonly string[] {
    return [...this.#made.keys()];
  }

  /** A weight of a layer by its role, or of the whole model by its name; float32. */
  get(name: string): Value {
    return this.#once(name, (spec) => {
      const narrow = this.#declare(spec);
      return narrow.dtype === 'float32' ? narrow : widened(this.#graph, narrow);
    });
  }

  /** A weight as it is fed: a table that rows or slices are read of. */
  table(name: string): Value {
    return this.#once(name, (spec) => this.#declare(spec));
  }

  #once(name: string, make: (spec: ParameterSpec) => Value): Value {
    let value = this.#made.get(name);
    if (!value) {
      value = make(this.#specs.get(name) as ParameterSpec);
      this.#made.set(name, value);
    }
    return value;
  }

  #declare(spec: ParameterSpec): Value {
    const narrow = this.#storage === 'bfloat16' && isFrozenMatrix(spec);
    return this.#graph.input(spec.name, spec.shape, narrow ? 'uint16' : 'float32');
  }
}

/** Whether a parameter of a frozen base may be narrow. */
export function isFrozenMatrix({ name, shape }: ParameterSpec): boolean {
  return shape.length === 2 && !name.includes('.lora_');
}

/** bfloat16, fed as its 16 bits, to float32. */
export function widened(graph: Graph, bits: Value): Value {
  const narrow = graph.op('BitCast', [bits], { attributes: { to: 16 }, dtype: 'bfloat16' });
  return graph.op('Cast', [narrow], { attributes: { to: 1 }, dtype: 'float32' });
}
