/**
 * The model cache on disk. It has the layout of Python's `huggingface_hub`, so that both use the same copy of
 * a model: `models--OWNER--NAME/blobs/CHECKSUM`, `snapshots/COMMIT/FILE` (links to blobs), `refs/BRANCH`.
 * @module
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { removeQuietly, writeFileAtomic } from '../support/atomic-file.ts';
import { systemErrorCode } from '../support/file-system.ts';
import { INDEX_FILE, WEIGHTS_FILE } from '../support/weight-files.ts';

const COMMIT = /^[0-9a-f]{40}$/;

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** One model in the cache. */
export class CachedRepo {
  readonly #dir: string;

  constructor(cacheDir: string, repo: string) {
    this.#dir = join(cacheDir, `models--${repo.replaceAll('/', '--')}`);
  }

  /** Returns the path of the file with this checksum. The file may not exist yet. */
  blob(checksum: string): string {
    return join(this.#dir, 'blobs', checksum);
  }

  has(checksum: string): boolean {
    return existsSync(this.blob(checksum));
  }

  /** Returns the model's folder if it exists, else its nearest existing parent folder. */
  existingFolder(): string {
    let dir = this.#dir;
    while (!existsSync(dir)) dir = dirname(dir);
    return dir;
  }

  snapshot(commit: string): string {
    return join(this.#dir, 'snapshots', commit);
  }

  /**
   * Returns the commit to which a branch or tag pointed at the last request; undefined if there was no
   * request.
   */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    const path = join(this.#dir, 'refs', revision);
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  }

  remember(revision: string, commit: string): void {
    if (isCommit(revision)) return;
    const path = join(this.#dir, 'refs', revision);
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomic(path, commit);
  }

  /**
   * Whether a snapshot has its config, tokenizer and all weights. Other tools may have downloaded only some
   * files.
   */
  isWhole(commit: string): boolean {
    const dir = this.snapshot(commit);
    const has = (name: string): boolean => existsSync(join(dir, name));
    if (!has('config.json') || !has('tokenizer.json')) return false;
    if (has(WEIGHTS_FILE)) return true;
    return has(INDEX_FILE) && shardsOf(join(dir, INDEX_FILE)).every(has);
  }

  /** Whether a snapshot has a file. */
  hasFile(commit: string, name: string): boolean {
    return existsSync(join(this.snapshot(commit), name));
  }

  /** Creates a link in a snapshot to a complete blob. */
  link(commit: string, name: string, blob: string): void {
    const path = join(this.snapshot(commit), name);
    if (existsSync(path)) return;
    mkdirSync(dirname(path), { recursive: true });
    const temporary = `${path}.tmp-${process.pid}`;
    removeQuietly(temporary);
    try {
      symlinkSync(relative(dirname(path), blob), temporary);
    } catch (error) {
      // on Windows, a process may not have the privilege to create links
      if (systemErrorCode(error) !== 'EPERM') throw error;
      copyFileSync(blob, temporary);
    }
    renameSync(temporary, path);
  }

  /** Returns the paths of interrupted downloads of a blob. Their names begin with the blob's name. */
  partialsOf(blob: string): string[] {
    const dir = dirname(blob);
    if (!existsSync(dir)) return [];
    const prefix = `${blob.slice(dir.length + 1)}.`;
    return readdirSync(dir)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(dir, name));
  }
}

/**
 * Returns the names of the shards in an index; [] if the index is damaged, which loading the model reports as
 * an error.
 */
function shardsOf(index: string): string[] {
  try {
    const { weight_map } = JSON.parse(readFileSync(index, 'utf8')) as { weight_map: Record<string, string> };
    return [...new Set(Object.values(weight_map))];
  } catch {
    return [];
  }
}
