/**
 * Models that a team file references on the Hugging Face hub. Downloads them into the cache on demand, and
 * pins branches to commits, so that a resumed run gets the same weights.
 * @module
 */
import { type ResolvedConfig, withModels } from '../config/resolve.ts';
import type { FetchedModel } from '../hub/snapshot.ts';
import { checkpointOfModel } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import { formatHubReference, isHubReference, parseHubReference } from '../support/model-reference.ts';
import { environmentOf, type LoadEvent, type UseCaseOptions } from './use-case.ts';

/** Checks the small files of a model folder. @throws ConfigError if the model cannot be used */
export type FileCheck = (folder: string) => Promise<void>;

/** Options of use cases that download or load models. */
export interface DownloadOptions extends UseCaseOptions<LoadEvent> {
  /** Called before the weights of a folder are downloaded, so that an unusable model costs no gigabytes. */
  readonly checkFiles?: FileCheck | undefined;
}

/**
 * Returns the local folder of a model. If the model is on the hub and not in the cache, downloads it.
 *
 * @param model - local folder, or reference of a model on the hub
 * @throws TroupeError if the download fails
 */
export async function modelFolder(model: string, options: DownloadOptions = {}): Promise<string> {
  return isHubReference(model) ? (await download(model, options)).dir : model;
}

/**
 * Replaces every branch or tag of a hub model in a configuration by the commit that it currently points to, and the link to
 * the champion of another run by the checkpoint that it currently points to.
 *
 * @param checkOf - returns the check of the small files of an agent's model
 * @throws TroupeError if a download fails, with the position in the team file
 */
export async function pinModels(
  resolved: ResolvedConfig,
  options: UseCaseOptions<LoadEvent>,
  checkOf: (agent: number) => FileCheck,
): Promise<ResolvedConfig> {
  const pinned = new Map<string, string>();
  for (const [id, { model }] of resolved.config.agents.entries()) {
    if (pinned.has(model)) continue;
    if (!isHubReference(model)) {
      pinned.set(model, checkpointOfModel(model)?.folder ?? model);
      continue;
    }
    const path = model === resolved.config.base ? ['base'] : ['agents', id, 'model'];
    const { commit } = await download(model, { ...options, checkFiles: checkOf(id) }).catch(
      (error: unknown) => {
        throw error instanceof ConfigError ? resolved.problem([{ path, message: error.message }]) : error;
      },
    );
    pinned.set(model, formatHubReference({ ...parseHubReference(model), revision: commit }));
  }
  const isUnchanged = [...pinned].every(([model, name]) => model === name);
  return isUnchanged ? resolved : withModels(resolved, (model) => pinned.get(model) ?? model);
}

/**
 * Returns the cache folder of a hub model; undefined if the model is not completely cached. Makes no request.
 */
export async function cachedModelFolder(
  model: string,
  options: DownloadOptions = {},
): Promise<string | undefined> {
  const { cachedModel } = await import('../hub/snapshot.ts');
  const { hubSettings } = await import('../hub/settings.ts');
  return cachedModel(model, hubSettings(environmentOf(options)));
}

async function download(model: string, options: DownloadOptions): Promise<FetchedModel> {
  const { signal, onEvent, checkFiles } = options;
  const { fetchModel } = await import('../hub/snapshot.ts');
  const { hubSettings } = await import('../hub/settings.ts');
  const startedMs = performance.now();
  try {
    return await fetchModel(model, {
      settings: hubSettings(environmentOf(options)),
      ...(signal && { signal }),
      checkFiles,
      onNote: (message) => onEvent?.({ kind: 'download_note', model, message }),
      onProgress: (doneBytes, totalBytes) =>
        onEvent?.({
          kind: 'download',
          model,
          doneBytes,
          totalBytes,
          elapsedMs: performance.now() - startedMs,
        }),
    });
  } finally {
    onEvent?.({ kind: 'download_finished', model });
  }
}
