/**
 * Models that a team file names on the hub: fetched into the cache when they are needed, with a line that
 * says how far it is, and pinned to a commit where a run must find the same ones again.
 * @module
 */
import { type ResolvedConfig, withModels } from '../config/resolve.ts';
import type { FetchedModel } from '../hub/snapshot.ts';
import { createProgressLine, progressText } from '../observe/progress-line.ts';
import { ConfigError } from '../support/errors.ts';
import { formatHubReference, isHubReference, parseHubReference } from '../support/model-reference.ts';

const MEGABYTE = 1e6;

/**
 * The folder of a model: as it stands, or in the cache, fetched if it is not there.
 *
 * @throws TroupeError if the hub does not give it
 */
export async function modelFolder(model: string): Promise<string> {
  return isHubReference(model) ? (await fetchVisibly(model)).dir : model;
}

/**
 * The configuration with every branch of the hub replaced by the commit it means now, so that a run that is
 * gone on with has the models it began with.
 *
 * @throws TroupeError at the place in the file of whatever the hub does not give
 */
export async function pinModels(resolved: ResolvedConfig): Promise<ResolvedConfig> {
  const pinned = new Map<string, string>();
  for (const [id, { model }] of resolved.config.agents.entries()) {
    if (!isHubReference(model) || pinned.has(model)) continue;
    const path = model === resolved.config.base ? ['base'] : ['agents', id, 'model'];
    const { commit } = await placedFetch(resolved, path, model);
    pinned.set(model, formatHubReference({ ...parseHubReference(model), revision: commit }));
  }
  return pinned.size === 0 ? resolved : withModels(resolved, (model) => pinned.get(model) ?? model);
}

async function placedFetch(
  resolved: ResolvedConfig,
  path: readonly (string | number)[],
  model: string,
): Promise<FetchedModel> {
  try {
    return await fetchVisibly(model);
  } catch (error) {
    if (error instanceof ConfigError) throw resolved.problem([{ path: [...path], message: error.message }]);
    throw error;
  }
}

async function fetchVisibly(model: string): Promise<FetchedModel> {
  const { fetchModel } = await import('../hub/snapshot.ts'); // folders need no client of the hub
  const line = createProgressLine({ stream: process.stderr });
  const startedMs = performance.now();
  try {
    return await fetchModel(model, {
      onNote: (text) => line.note(text),
      onProgress: (done, total) =>
        line.update(
          progressText(`fetch ${model} MB`, {
            done: Math.floor(done / MEGABYTE),
            total: Math.ceil(total / MEGABYTE),
            elapsedMs: performance.now() - startedMs,
          }),
        ),
    });
  } finally {
    line.close();
  }
}
