/**
 * Whose request it is, by its bearer token. The key file is looked at again when it changes, so a removed key
 * stops working without a restart.
 * @module
 */
import { timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { ApiError } from '../api/errors.ts';
import { hashKey, type KeyEntry, readKeys } from './key-file.ts';

/** The file is looked at this often at most, milliseconds. */
const LOOK_MS = 1000;

export class Authenticator {
  readonly #path: string;
  #keys: readonly (KeyEntry & { readonly hash: Buffer })[] = [];
  #stamp = '';
  #looked = Number.NEGATIVE_INFINITY;

  /** @throws ConfigError if the file is no key file */
  constructor(path: string) {
    this.#path = path;
    this.#load();
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  /**
   * @param header - `Authorization`
   * @throws ApiError (401)
   */
  authenticate(header: string | undefined): KeyEntry {
    this.#look();
    const token = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
    if (token === undefined)
      throw refused("no API key: expected 'Authorization: Bearer KEY'", 'missing_api_key');
    const hash = Buffer.from(hashKey(token), 'hex');
    let found: KeyEntry | undefined;
    // every key is compared, each in constant time: how long it takes tells nothing
    for (const key of this.#keys) if (timingSafeEqual(key.hash, hash)) found = key;
    if (found === undefined) throw refused('incorrect API key', 'invalid_api_key');
    return found;
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    if (stampOf(this.#path) === this.#stamp) return;
    try {
      this.#load();
    } catch {
      // half-edited by hand: the keys that worked go on working until it is a key file again
    }
  }

  #load(): void {
    const stamp = stampOf(this.#path);
    this.#keys = readKeys(this.#path).map((key) => ({ ...key, hash: Buffer.from(key.sha256, 'hex') }));
    this.#stamp = stamp;
  }
}

function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.mtimeMs}:${stat.size}:${stat.ino}`;
}

function refused(message: string, code: string): ApiError {
  return new ApiError(message, {
    status: 401,
    type: 'authentication_error',
    code,
    headers: { 'www-authenticate': 'Bearer' },
  });
}
