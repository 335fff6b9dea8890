/**
 * The rotary tables of a model as graph inputs: for global RoPE and, if sliding-window layers have another
 * base, for local RoPE. The tables grow when a sequence is longer than all before.
 * @module
 */

import type { Runtime, Tensor } from '../graph/runtime.ts';
import type { DecoderConfig } from './config.ts';
import { type RopeShape, type RopeTables, ropeTables } from './rope.ts';

/**
 * Initial number of positions in a table. A table that grows gets a power of two, limited to the model's
 * maximum.
 */
const FIRST = 256;

export class RopeCache {
  readonly #runtime: Runtime;
  readonly #config: DecoderConfig;
  readonly #shapes: readonly (readonly [prefix: string, shape: RopeShape])[];
  #positions = 0;
  #feeds: Readonly<Record<string, Tensor>> = {};

  constructor(config: DecoderConfig, runtime: Runtime) {
    this.#runtime = runtime;
    this.#config = config;
    const { headDim, ropeTheta, ropeScaling, localRopeTheta } = config;
    const global: RopeShape = { headDim, theta: ropeTheta, scaling: ropeScaling };
    this.#shapes = [
      ['rope', global],
      ...(localRopeTheta === undefined ? [] : [['local', { headDim, theta: localRopeTheta }] as const]),
    ];
  }

  /**
   * Returns the tables, with at least `positions` rows: `<prefix>_cos`, `<prefix>_sin`,
   * `<prefix>_sin_negative`.
   */
  feeds(positions: number): Readonly<Record<string, Tensor>> {
    if (positions > this.#positions) this.#grow(positions);
    return this.#feeds;
  }

  #grow(positions: number): void {
    const { maxPositions } = this.#config;
    const size = Math.min(maxPositions, Math.max(FIRST, 2 ** Math.ceil(Math.log2(positions))));
    this.#positions = Math.max(size, positions);
    const made = this.#shapes.flatMap(([prefix, shape]) => {
      const tables = ropeTables(this.#positions, shape);
      const tensor = (values: Float32Array): Tensor =>
        this.#runtime.float32(values, [tables.positions, shape.headDim / 2]);
      const named: readonly (readonly [string, Exclude<keyof RopeTables, 'positions'>])[] = [
        ['cos', 'cos'],
        ['sin', 'sin'],
        ['sin_negative', 'sinNegative'],
      ];
      return named.map(([suffix, key]): [string, Tensor] => [`${prefix}_${suffix}`, tensor(tables[key])]);
    });
    this.#feeds = Object.fromEntries(made);
  }
}
