/**
 * The key file: JSON with the SHA-256 hash of each API key, never the key itself. A key has 256 random bits, so its
 * hash cannot be inverted by search, and needs neither a salt nor a slow hash function.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { whileLocked } from '../../support/brief-lock.ts';
import { ConfigError } from '../../support/errors.ts';
import { systemErrorCode } from '../../support/file-system.ts';

const entrySchema = z.strictObject({
  name: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created: z.string(),
  requests_per_minute: z.number().positive().optional(),
  concurrency: z.int().positive().optional(),
});
const fileSchema = z.strictObject({ version: z.literal(1), keys: z.array(entrySchema) });

/** One API key. Limits that the entry leaves out have the server's values. */
export type KeyEntry = z.output<typeof entrySchema>;

/** Prefix of every API key, by which secret scanners recognize a key that was published by mistake. */
const PREFIX = 'trp_';

/** @returns the keys; [] if the file does not exist @throws ConfigError if the file is not a key file */
export function readKeys(path: string): KeyEntry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new ConfigError(
      `${path}: expected a key file, got one that cannot be read (${systemErrorCode(error)})`,
      { cause: error },
    );
  }
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.keys;
  throw new ConfigError(
    `${path}: expected a key file, got something else; make one with troupe serve keys add NAME`,
  );
}

/**
 * Creates an API key and adds its hash to the file.
 *
 * @returns the key, which is not stored anywhere
 * @throws ConfigError if the file already has a key of this name
 */
export function addKey(path: string, { name, created, ...limits }: Omit<KeyEntry, 'sha256'>): string {
  const key = PREFIX + randomBytes(32).toString('base64url');
  mkdirSync(dirname(path), { recursive: true });
  change(path, (keys) => {
    if (keys.some((other) => other.name === name))
      throw new ConfigError(
        `${path}: expected a new name, got "${name}", which is taken; remove that key first`,
      );
    return [...keys, { name, sha256: hashKey(key), created, ...limits }];
  });
  return key;
}

/** Removes a key from the file. @throws ConfigError if the file has no key of this name */
export function removeKey(path: string, name: string): void {
  // checks the name before the lock, which cannot be created if the folder of the file is missing
  withoutKey(readKeys(path));
  change(path, withoutKey);

  function withoutKey(keys: readonly KeyEntry[]): KeyEntry[] {
    const rest = keys.filter((key) => key.name !== name);
    if (rest.length < keys.length) return rest;
    throw new ConfigError(
      `${path}: expected the name of a key, got "${name}"; the keys are ${keys.map((key) => key.name).join(', ') || 'none'}`,
    );
  }
}

/** @returns the SHA-256 hash of a key, hexadecimal */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Changes the file under a lock, so that concurrent changes by other processes are not lost. */
function change(path: string, next: (keys: readonly KeyEntry[]) => readonly KeyEntry[]): void {
  whileLocked(path, () => {
    writeFileAtomic(path, `${JSON.stringify({ version: 1, keys: next(readKeys(path)) }, null, 2)}\n`);
    chmodSync(path, 0o600);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
