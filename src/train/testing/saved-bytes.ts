/**
 * Reads the saved files of models, for comparison byte by byte.
 * @module
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../engine/engine.ts';

/** Saves the model into a temporary folder. Returns the content of each file by file name. */
export async function savedBytes(model: Model): Promise<Record<string, string>> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-bytes-'));
  try {
    await model.save(dir);
    return folderBytes(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Returns the content of each file by path within the folder, including subfolders. */
export function folderBytes(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]),
  );
}
