/**
 * Everything a model would write to disk, for comparing byte by byte.
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../engine/engine.ts';

/** File name to content. */
export async function savedBytes(model: Model): Promise<Record<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bytes-'));
  try {
    await model.save(dir);
    return folderBytes(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Path within the folder to content, folders below included. */
export function folderBytes(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]),
  );
}
