/**
 * Provides a model of the hub as a folder, or a GGUF file, on disk. Downloads missing files into the cache, and creates the
 * folder's links when all files are complete.
 * @module
 */
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, modelInfo } from '@huggingface/hub';
import { StoreError, TroupeError } from '../support/errors.ts';
import { LICENSE_FILE } from '../support/license-file.ts';
import { type HubReference, parseHubReference } from '../support/model-reference.ts';
import { INDEX_FILE, WEIGHTS_FILE } from '../support/weight-files.ts';
import { CachedRepo, isCommit } from './cache.ts';
import { downloadBlob, type HubFile } from './download.ts';
import { createHubFetch, hubError, type RequestOptions } from './request.ts';
import { type HubSettings, hubSettings } from './settings.ts';

export interface FetchModelOptions extends Partial<Pick<RequestOptions, 'signal' | 'onNote' | 'wait'>> {
  /** Settings of the hub. Default: from the environment variables. */
  readonly settings?: HubSettings;
  /** Called with the number of downloaded bytes and the total size of the missing files, bytes. */
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * Checks the small files of a model folder (config, tokenizer, chat templates) before its weights are downloaded. Not
   * called if the weights are in the cache, or for GGUF files. If it throws, no weights are downloaded.
   */
  readonly checkFiles?: ((folder: string) => Promise<void>) | undefined;
}

/** A model in the cache. */
export interface FetchedModel {
  /** The model's folder, or its GGUF file. */
  readonly dir: string;
  /** Commit of the snapshot. */
  readonly commit: string;
}

/** Files to download besides the weights, chat templates in a subfolder and licence files. */
const SMALL_FILES = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
  'README.md',
]);
/** Matches further chat templates, one per file. */
const NAMED_TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/;

function isSmallFile(path: string): boolean {
  return SMALL_FILES.has(path) || NAMED_TEMPLATE.test(path) || LICENSE_FILE.test(path);
}

const DEFAULT_REVISION = 'main';

/**
 * Downloads a model into the cache, unless the cache has all of its files.
 *
 * @param model - reference `hf:OWNER/NAME@REVISION`, or `hf:OWNER/NAME/FILE.gguf@REVISION`, of which only the file is
 *   downloaded
 * @throws ConfigError if the reference is malformed
 * @throws EngineError if the hub refuses a request or a download fails
 * @throws StoreError if the disk has too little space
 */
export async function fetchModel(model: string, options: FetchModelOptions = {}): Promise<FetchedModel> {
  const reference = parseHubReference(model);
  const settings = options.settings ?? hubSettings();
  const cache = new CachedRepo(settings.cacheDir, reference.repo);
  const revision = reference.revision ?? DEFAULT_REVISION;
  if (settings.offline || isCommit(revision)) {
    const commit = cache.commitOf(revision);
    if (commit !== undefined && isCached(cache, commit, reference))
      return { dir: modelPath(cache, commit, reference), commit };
  }
  if (settings.offline)
    throw hubError(
      `${model}: HF_HUB_OFFLINE is set and ${settings.cacheDir} does not have the complete model; unset it to download the rest`,
    );
  return fetchMissing(reference, { ...options, model, settings, cache, revision });
}

/**
 * Returns the folder of a model in the cache; undefined if the model is not completely cached. Makes no
 * request.
 */
export function cachedModel(model: string, settings: HubSettings = hubSettings()): string | undefined {
  const reference = parseHubReference(model);
  const cache = new CachedRepo(settings.cacheDir, reference.repo);
  const commit = cache.commitOf(reference.revision ?? DEFAULT_REVISION);
  return commit !== undefined && isCached(cache, commit, reference)
    ? modelPath(cache, commit, reference)
    : undefined;
}

function isCached(cache: CachedRepo, commit: string, { file }: HubReference): boolean {
  return file === undefined ? cache.isWhole(commit) : cache.hasFile(commit, file);
}

/** Returns the folder of a snapshot, or the GGUF file in it. */
function modelPath(cache: CachedRepo, commit: string, { file }: HubReference): string {
  return file === undefined ? cache.snapshot(commit) : join(cache.snapshot(commit), file);
}

interface Fetching extends FetchModelOptions {
  readonly model: string;
  readonly settings: HubSettings;
  readonly cache: CachedRepo;
  readonly revision: string;
}

async function fetchMissing(reference: HubReference, options: Fetching): Promise<FetchedModel> {
  const { repo, file: ggufFile } = reference;
  const { model, settings, cache, revision } = options;
  const fetch = createHubFetch(options);
  const { commit, listed } = await listSnapshot(reference, { ...options, fetch });
  const files = ggufFile === undefined ? neededFiles(model, listed) : [ggufOf(model, listed, ggufFile)];
  requireChecksums(model, files);
  const missing = files.filter(({ checksum }) => !cache.has(checksum));
  requireRoom(options, missing);
  let done = 0;
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const link = (linked: readonly HubFile[]): void => {
    for (const { path, checksum } of linked) cache.link(commit, path, cache.blob(checksum));
  };
  const download = async (needed: readonly HubFile[]): Promise<void> => {
    for (const file of needed) {
      const blob = cache.blob(file.checksum);
      await downloadBlob(file, {
        ...{
          model,
          repo,
          commit,
          endpoint: settings.endpoint,
          fetch,
          blob,
          partials: cache.partialsOf(blob),
        },
        ...(settings.token === undefined ? {} : { token: settings.token }),
        ...(options.signal && { signal: options.signal }),
        ...(options.onNote && { onNote: options.onNote }),
        onProgress: (bytes) => options.onProgress?.(done + bytes, total),
      });
      done += file.size;
    }
  };
  const isSmall = ({ path }: HubFile): boolean => isSmallFile(path);
  const weights = missing.filter((file) => !isSmall(file));
  await download(missing.filter(isSmall));
  if (options.checkFiles && ggufFile === undefined && weights.length > 0) {
    link(files.filter(isSmall));
    await options.checkFiles(cache.snapshot(commit));
  }
  await download(weights);
  link(files);
  cache.remember(revision, commit);
  return { dir: modelPath(cache, commit, reference), commit };
}

/** Requests the commit that a revision currently points to, and the list of its files. */
async function listSnapshot(
  { repo }: HubReference,
  { model, settings, revision, fetch, signal }: Fetching & { readonly fetch: typeof globalThis.fetch },
): Promise<{ readonly commit: string; readonly listed: readonly HubFile[] }> {
  if (settings.token !== undefined && !settings.token.startsWith('hf_'))
    throw hubError(
      'HF_TOKEN: expected a token that begins with hf_, got another; make one on the hub, or unset it',
    );
  const access = {
    hubUrl: settings.endpoint,
    fetch,
    ...(settings.token === undefined ? {} : { accessToken: settings.token }),
  };
  try {
    const { sha } = await modelInfo({ ...access, name: repo, revision, additionalFields: ['sha'] });
    const commit = String(sha);
    if (!isCommit(commit)) throw new Error(`commit ${JSON.stringify(sha)}`);
    const listed: HubFile[] = [];
    const listing = listFiles({ ...access, repo, revision: commit, recursive: true });
    for await (const { type, path, size, oid, lfs } of listing)
      if (type === 'file') listed.push({ path, size: lfs?.size ?? size, checksum: lfs?.oid ?? oid ?? '' });
    return { commit, listed };
  } catch (error) {
    if (error instanceof TroupeError || signal?.aborted) throw error;
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
    throw hubError(`${model}: ${settings.endpoint} does not answer like a hub (${why}); check HF_ENDPOINT`);
  }
}

/** Selects the files to download. */
function neededFiles(model: string, listed: readonly HubFile[]): HubFile[] {
  const has = (name: string): boolean => listed.some(({ path }) => path === name);
  const isWeight = (path: string): boolean =>
    has(WEIGHTS_FILE) ? path === WEIGHTS_FILE : path === INDEX_FILE || /^model[^/]*\.safetensors$/.test(path);
  if (!has('config.json') && ggufFiles(listed).length > 0)
    throw hubError(`${model}: ${ggufOnly(listed)}; add the name of one: ${model.split('@')[0]}/FILE.gguf`);
  for (const name of ['config.json', 'tokenizer.json'])
    if (!has(name)) throw hubError(`${model}: the model has no ${name}, which troupe needs; choose another`);
  const weights = listed.filter(({ path }) => isWeight(path));
  if (weights.length === 0) {
    const pickle = listed.find(({ path }) => /^[^/]+\.(bin|pt|pth)$/.test(path))?.path;
    throw hubError(
      pickle === undefined
        ? `${model}: the model has no weights in safetensors; choose another`
        : `${model}: expected weights in safetensors, got ${pickle}, a pickle, which is never read because reading one can run code; choose a revision with safetensors`,
    );
  }
  return [...listed.filter(({ path }) => isSmallFile(path)), ...weights];
}

function ggufFiles(listed: readonly HubFile[]): string[] {
  return listed.map(({ path }) => path).filter((path) => /\.gguf$/i.test(path));
}

function ggufOnly(listed: readonly HubFile[]): string {
  return `the repository has GGUF files instead of a model folder (${listNames(ggufFiles(listed))})`;
}

/** Number of file names in a message. */
const MAX_LISTED = 24;

function listNames(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return names.slice(0, MAX_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Returns the GGUF file that a reference names. @throws EngineError if the repository does not have it */
function ggufOf(model: string, listed: readonly HubFile[], file: string): HubFile {
  const found = listed.find(({ path }) => path === file);
  const names = ggufFiles(listed);
  if (found && /-\d{5}-of-\d{5}\.gguf$/i.test(file))
    throw hubError(
      `${model}: expected a whole model, got one file of a split model; choose another file, or download all and join them with llama-gguf-split --merge`,
    );
  if (found) return found;
  throw hubError(
    names.length === 0
      ? `${model}: the repository has no GGUF files; check the name`
      : `${model}: the repository has no file "${file}"; its GGUF files: ${listNames(names)}`,
  );
}

/** @throws EngineError if the hub lists a file without a checksum */
function requireChecksums(model: string, files: readonly HubFile[]): void {
  const unverifiable = files.find(({ checksum }) => !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum));
  if (unverifiable)
    throw hubError(`${model}: the hub lists no checksum of ${unverifiable.path}; check HF_ENDPOINT`);
}

/** Checks the free disk space before the download. @throws StoreError if there is too little */
function requireRoom({ model, settings, cache }: Fetching, missing: readonly HubFile[]): void {
  const needed = missing.reduce((sum, { size }) => sum + size, 0);
  const { bavail, bsize } = statfsSync(cache.existingFolder());
  if (needed < bavail * bsize) return;
  throw new StoreError(
    `${model}: expected ${gigabytes(needed)} free for ${settings.cacheDir}, got ${gigabytes(bavail * bsize)}; free some space, or set HF_HUB_CACHE to another disk`,
    { code: 'TROUPE_STORE_FULL', exitCode: 2 },
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
