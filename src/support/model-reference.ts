/**
 * Parses references to models on the Hugging Face Hub in team files, e.g. `hf:Qwen/Qwen3-0.6B@main`. All
 * other values are paths of model folders.
 * @module
 */
import { ConfigError } from './errors.ts';

export interface HubReference {
  /** Repository as `OWNER/NAME`; some old models have no owner. */
  readonly repo: string;
  /** Branch, tag or commit; absent: the main branch. */
  readonly revision?: string;
}

const PREFIX = 'hf:';
const REPO = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/+-]*$/;

/** Returns whether a model is a reference to the Hub and not a folder. */
export function isHubReference(model: string): boolean {
  return model.startsWith(PREFIX);
}

/**
 * Parses a reference to the Hub.
 *
 * @throws ConfigError if the text after `hf:` is not `OWNER/NAME` or `OWNER/NAME@REVISION`
 *
 * @throws ConfigError if the text after `hf:` is not `OWNER/NAME` or `OWNER/NAME@REVISION`
 *
 * @example parseHubReference('hf:Qwen/Qwen3-0.6B@main'); // => {repo: 'Qwen/Qwen3-0.6B', revision: 'main'}
 */
export function parseHubReference(model: string): HubReference {
  const [repo = '', revision, ...rest] = model.slice(PREFIX.length).split('@');
  const isName = REPO.test(repo) && !repo.includes('..') && !repo.includes('--') && rest.length === 0;
  if (!isName || (revision !== undefined && (!REVISION.test(revision) || revision.includes('..'))))
    throw new ConfigError(`${model}: expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION, got "${model}"`, {
      code: 'TROUPE_MODEL_REFERENCE',
    });
  return revision === undefined ? { repo } : { repo, revision };
}

/** Returns the reference in the syntax of team files. */
export function formatHubReference({ repo, revision }: HubReference): string {
  return `${PREFIX}${repo}${revision === undefined ? '' : `@${revision}`}`;
}
