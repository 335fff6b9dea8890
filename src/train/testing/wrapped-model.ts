/**
 * A model that delegates to another one, except for methods that a test observes or replaces.
 * @module
 */
import type { Model } from '../../engine/engine.ts';

/** Returns a model with the given methods replaced; all other calls go to `model`. */
export function wrapModel(model: Model, replaced: Partial<Model>): Model {
  return {
    capabilities: model.capabilities,
    tokenizer: model.tokenizer,
    get parameterCount() {
      return model.parameterCount;
    },
    sample: (requests, params) => model.sample(requests, params),
    forward: (sequences, params) => model.forward(sequences, params),
    backward: (sequences, cotangents, params) => model.backward(sequences, cotangents, params),
    step: (adamw, options) => model.step(adamw, options),
    zeroGradients: () => model.zeroGradients(),
    divergence: (sequences, cur, params) => model.divergence(sequences, cur, params),
    snapshot: () => model.snapshot(),
    restore: (id, options) => model.restore(id, options),
    release: (id) => model.release(id),
    save: (dir) => model.save(dir),
    close: () => model.close(),
    ...replaced,
  };
}
