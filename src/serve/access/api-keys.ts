/**
 * The API keys of a running server. The key file is read again when it changes, so a removed key stops working
 * without a restart.
 * @module
 */
import { timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { hashKey, type KeyEntry, readKeys } from './key-file.ts';

/** Time between two checks of the file for changes, milliseconds. */
const CHECK_INTERVAL_MS = 1000;

export class ApiKeys {
  readonly #path: string;
  #keys: readonly (KeyEntry & { readonly hash: Buffer })[] = [];
  #version = '';
  #checkedAt = Number.NEGATIVE_INFINITY;

  /** @throws ConfigError if the file is not a key file */
  constructor(path: string) {
    this.#path = path;
    this.#load();
  }

  get count(): number {
    return this.#keys.length;
  }

  /**
   * Returns the entry of an API key, or undefined if the key is unknown. @param key - the key as the client
   * sent it
   */
  find(key: string): KeyEntry | undefined {
    this.#reloadIfChanged();
    const hash = Buffer.from(hashKey(key), 'hex');
    let found: KeyEntry | undefined;
    // the comparison takes the same time for every key, so that response times reveal nothing about valid
    // keys
    for (const entry of this.#keys) if (timingSafeEqual(entry.hash, hash)) found = entry;
    return found;
  }

  #reloadIfChanged(): void {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
    if (versionOf(this.#path) === this.#version) return;
    try {
      this.#load();
    } catch {
      // the file may be half-edited: the loaded keys stay valid until it is a key file again
    }
  }

  #load(): void {
    const version = versionOf(this.#path);
    this.#keys = readKeys(this.#path).map((key) => ({ ...key, hash: Buffer.from(key.sha256, 'hex') }));
    this.#version = version;
  }
}

/** Returns a version of the file, which changes when the file changes: modification time, size and inode. */
function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.mtimeMs}:${stat.size}:${stat.ino}`;
}
