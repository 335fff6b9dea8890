/**
 * Loads models that may be mixtures of two models.
 * @module
 */
import type { Engine, LoadOptions, Model } from '../engine/engine.ts';
import { isMixtureFolder, MIXTURE_FILE, readMixtureFolder } from './mixture-folder.ts';

/**
 * Loads a model folder: as a mixture of its two components if it contains `mixture.json`, else with the
 * engine.
 *
 * @param slots - maximum number of messages that a mixture decodes together
 */
export function loadModel(engine: Engine, slots: number, options: LoadOptions): Promise<Model> {
  if (!isMixtureFolder(options.dir)) return engine.load(options);
  return loadMixture(engine, slots, options);
}

async function loadMixture(
  engine: Engine,
  slots: number,
  { dir, optimizer: _, ...options }: LoadOptions,
): Promise<Model> {
  const { MessageMixtureModel } = await import('./message-model.ts');
  const { MixtureModel } = await import('./mixture-model.ts');
  const { requireMixable } = await import('./mixable.ts');
  const folder = readMixtureFolder(dir);
  const incumbent = await engine.load({ ...options, dir: folder.incumbent });
  try {
    const replacement = await engine.load({ ...options, dir: folder.replacement });
    try {
      if (folder.kind === 'messages') return new MessageMixtureModel({ ...folder, incumbent, replacement });
      requireMixable({ incumbent, replacement }, `${dir}/${MIXTURE_FILE}`);
      return new MixtureModel({ incumbent, replacement, steps: folder.steps, slots });
    } catch (error) {
      await replacement.close();
      throw error;
    }
  } catch (error) {
    await incumbent.close();
    throw error;
  }
}
