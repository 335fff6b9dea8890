/**
 * Parses references to models on the Hugging Face Hub in team files, e.g. `hf:Qwen/Qwen3-0.6B@main`, or
 * `hf:OWNER/NAME/FILE.gguf` for one GGUF file of a repository. All other values are paths of model folders or GGUF
 * files.
 * @module
 */
import { ConfigError } from './errors.ts';

export interface HubReference {
  /** Repository as `OWNER/NAME`; some old models have no owner. */
  readonly repo: string;
  /** Path of a GGUF file in the repository; absent: the repository is a model folder. */
  readonly file?: string;
  /** Branch, tag or commit; absent: the main branch. */
  readonly revision?: string;
}

const PREFIX = 'hf:';
const REPO = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;
const GGUF_FILE = /^[A-Za-z0-9][A-Za-z0-9._/+-]*\.gguf$/i;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/+-]*$/;

/** Returns whether a model is a reference to the Hub and not a folder. */
export function isHubReference(model: string): boolean {
  return model.startsWith(PREFIX);
}

/**
 * Parses a reference to the Hub.
 *
 * @throws ConfigError if the text after `hf:` is not `OWNER/NAME` or `OWNER/NAME/FILE.gguf`, optionally with `@REVISION`
 *
 * @example parseHubReference('hf:Qwen/Qwen3-0.6B@main'); // => {repo: 'Qwen/Qwen3-0.6B', revision: 'main'}
 */
export function parseHubReference(model: string): HubReference {
  const [path = '', revision, ...rest] = model.slice(PREFIX.length).split('@');
  const parts = path.split('/');
  const [repo, file] =
    parts.length > 2 ? [parts.slice(0, 2).join('/'), parts.slice(2).join('/')] : [path, undefined];
  const isName = REPO.test(repo) && !path.includes('..') && !repo.includes('--') && rest.length === 0;
  const isFile = file === undefined || (GGUF_FILE.test(file) && !file.includes('//'));
  if (!isName || !isFile || (revision !== undefined && (!REVISION.test(revision) || revision.includes('..'))))
    throw new ConfigError(
      `${model}: expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION, or hf:OWNER/NAME/FILE.gguf, got "${model}"`,
      { code: 'TROUPE_MODEL_REFERENCE' },
    );
  return {
    repo,
    ...(file === undefined ? {} : { file }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** Returns the reference in the syntax of team files. */
export function formatHubReference({ repo, file, revision }: HubReference): string {
  const path = file === undefined ? repo : `${repo}/${file}`;
  return `${PREFIX}${path}${revision === undefined ? '' : `@${revision}`}`;
}
