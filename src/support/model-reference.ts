/**
 * References to models on the Hugging Face hub in team files: `hf:Qwen/Qwen3-0.6B@main`. Other values are folders.
 * @module
 */
import { ConfigError } from './errors.ts';

export interface HubReference {
  /** `OWNER/NAME`; some old models have no owner. */
  readonly repo: string;
  /** Branch, tag or commit; absent: the main branch. */
  readonly revision?: string;
}

const PREFIX = 'hf:';
const REPO = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/+-]*$/;

/** Whether a model is a reference to the hub and not a folder. */
export function isHubReference(model: string): boolean {
  return model.startsWith(PREFIX);
}

/**
 * @throws ConfigError if the rest is not `OWNER/NAME` or `OWNER/NAME@REVISION`
 *
 * @example
 * parseHubReference('hf:Qwen/Qwen3-0.6B@main'); // => {repo: 'Qwen/Qwen3-0.6B', revision: 'main'}
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

/** The reference in the syntax of team files. */
export function formatHubReference({ repo, revision }: HubReference): string {
  return `${PREFIX}${repo}${revision === undefined ? '' : `@${revision}`}`;
}
