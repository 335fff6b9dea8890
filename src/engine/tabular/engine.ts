/**
 * The tabular engine: exact softmax policies in plain arrays, for proofs, tests and toy environments.
 * @module
 */
import type { Engine } from '../engine.ts';
import { readTabularFolder } from './folder.ts';
import { createTabularModel } from './model.ts';

/** Creates an engine that loads the folders that a {@link createTabularModel | tabular model} saves. */
export function createTabularEngine(): Engine {
  return {
    name: 'tabular',
    async load({ dir, optimizer = false }) {
      return createTabularModel(await readTabularFolder(dir, optimizer));
    },
    async close() {},
  };
}
