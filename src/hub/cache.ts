/**
 * The cache on disk, in the layout of Python's `huggingface_hub`, so that both share one copy of a model:
 * `models--OWNER--NAME/blobs/CHECKSUM`, `snapshots/COMMIT/FILE` (links into blobs), `refs/BRANCH`.
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

  /** Path of the file with this checksum; it may not exist yet. */
  blob(checksum: string): string {
    return join(this.#dir, 'blobs', checksum);
  }

  has(checksum: string): boolean {
    return existsSync(this.blob(checksum));
  }

  /** The nearest existing folder at or above the model's folder. */
  existingFolder(): string {
    let dir = this.#dir;
    while (!existsSync(dir)) dir = dirname(dir);
    return dir;
  }

  snapshot(commit: string): string {
    return join(this.#dir, 'snapshots', commit);
  }

  /** The commit that a branch or tag pointed to at the last request. */
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

  /** Whether a snapshot has config, tokenizer and all weights; other tools may have downloaded a part of it. */
  isWhole(commit: string): boolean {
    const dir = this.snapshot(commit);
    const has = (name: string): boolean => existsSync(join(dir, name));
    if (!has('config.json') || !has('tokenizer.json')) return false;
    if (has(WEIGHTS_FILE)) return true;
    return has(INDEX_FILE) && shardsOf(join(dir, INDEX_FILE)).every(has);
  }

  /** Links a complete blob into a snapshot. */
  link(commit: string, name: string, blob: string): void {
    const path = join(this.snapshot(commit), name);
    if (existsSync(path)) return;
    mkdirSync(dirname(path), { recursive: true });
    const temporary = `${path}.tmp-${process.pid}`;
    removeQuietly(temporary);
    try {
      symlinkSync(relative(dirname(path), blob), temporary);
    } catch (error) {
      // links need a privilege on Windows
      if (systemErrorCode(error) !== 'EPERM') throw error;
      copyFileSync(blob, temporary);
    }
    renameSync(temporary, path);
  }

  /** Paths of interrupted downloads of a blob: files in its folder whose names start with the blob's. */
  partialsOf(blob: string): string[] {
    const dir = dirname(blob);
    if (!existsSync(dir)) return [];
    const prefix = `${blob.slice(dir.length + 1)}.`;
    return readdirSync(dir)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(dir, name));
  }
}

/** Shards in an index; none if the index is damaged, which is an error when the model is loaded. */
function shardsOf(index: string): string[] {
  try {
    const { weight_map } = JSON.parse(readFileSync(index, 'utf8')) as { weight_map: Record<string, string> };
    return [...new Set(Object.values(weight_map))];
  } catch {
    return [];
  }
}
