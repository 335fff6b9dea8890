/**
 * The tabular engine: exact softmax policies in plain arrays, for proofs, tests and tiny worlds.
 * @module
 */
import type { Engine } from '../engine.ts';
import { readTabularFolder } from './folder.ts';
import { createTabularModel } from './model.ts';

/** Loads the folders that a {@link createTabularModel | tabular model} saves. */
export function createTabularEngine(): Engine {
  return {
    name: 'tabular',
    async load({ dir, optimizer = false }) {
      return createTabularModel(await readTabularFolder(dir, optimizer));
    },
    async close() {},
  };
}
