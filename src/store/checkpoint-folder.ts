/**
 * A checkpoint on disk: a folder that is either complete or absent. Its files are written into a folder with
 * a temporary name and flushed. Then a marker file with the size and SHA-256 of every file is written, and
 * the folder is renamed.
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { syncFolder } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';
import { FORMAT, parseStoredObject, requireFormat } from './format.ts';

/** Name of the marker file, which is written last; a folder without it is not a checkpoint. */
export const MARKER = 'COMPLETE';
/** File with the state from which a run resumes, beside the agents' model folders. */
export const STATE_FILE = 'state.json';

const CHECKPOINT_NAME = /^stage-(\d{4,})$/;

/** Contents of a checkpoint's `state.json`. */
export interface CheckpointRecord {
  readonly stage: number;
  /**
   * Name of the checkpoint that is the champion (the team to deploy) at the time of this checkpoint; absent
   * if there is none.
   */
  readonly champion?: string;
  /** Lengths to which a resumed run truncates its append-only files, bytes. */
  readonly lengths: { readonly events: number; readonly metrics: number; readonly completions: number };
  /** State of the training loop. */
  readonly state: unknown;
}

interface Marker {
  readonly format: typeof FORMAT;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** Returns the stage numbers of the complete checkpoints in a folder, ascending. */
export function listCheckpoints(dir: string, fs: FileSystem = diskFileSystem): number[] {
  return stageFolders(dir, fs)
    .filter((name) => fs.existsSync(join(dir, name, MARKER)))
    .map((name) => Number(CHECKPOINT_NAME.exec(name)?.[1]))
    .sort((a, b) => a - b);
}

/** Returns the names of all checkpoint folders, complete or not. */
export function stageFolders(dir: string, fs: FileSystem = diskFileSystem): string[] {
  try {
    return fs.readdirSync(dir).filter((name) => CHECKPOINT_NAME.test(name));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Flushes all files of a folder and writes the marker file. From then on the folder is a checkpoint, also
 * under another path.
 */
export async function sealCheckpoint(dir: string, fs: FileSystem = diskFileSystem): Promise<void> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const path of filesUnder(dir, fs)) {
    flush(path, fs);
    const name = relative(dir, path).split(sep).join('/');
    files[name] = { bytes: fs.statSync(path).size, sha256: await sha256File(path) };
  }
  for (const folder of foldersUnder(dir, fs)) syncFolder(folder, fs);
  const marker: Marker = { format: FORMAT, files };
  const path = join(dir, MARKER);
  fs.writeFileSync(path, `${JSON.stringify(marker, null, 2)}\n`);
  flush(path, fs);
  syncFolder(dir, fs);
}

/**
 * Checks the size and SHA-256 of every file against the marker file.
 *
 * @returns contents of the checkpoint's `state.json`
 * @throws StoreError (exit code 2) with the first file that is missing, truncated or changed
 */
export async function verifyCheckpoint(
  dir: string,
  fs: FileSystem = diskFileSystem,
): Promise<CheckpointRecord> {
  const marker = readJson(join(dir, MARKER), dir, fs) as Partial<Marker>;
  requireFormat(dir, 'a checkpoint', { format: marker.format });
  if (typeof marker.files !== 'object' || marker.files === null)
    throw damaged(join(dir, MARKER), 'a list of files', 'none');
  for (const [name, expected] of Object.entries(marker.files)) {
    const path = join(dir, name);
    if (!fs.existsSync(path)) throw damaged(path, 'a file of the checkpoint', 'nothing there');
    const { size } = fs.statSync(path);
    if (size !== expected.bytes) throw damaged(path, `${expected.bytes} bytes`, `${size}`);
    const sha256 = await sha256File(path);
    if (sha256 !== expected.sha256)
      throw damaged(path, `SHA-256 ${expected.sha256.slice(0, 12)}...`, `${sha256.slice(0, 12)}...`);
  }
  return readJson(join(dir, STATE_FILE), dir, fs) as unknown as CheckpointRecord; // its bytes have the expected hash
}

/** Returns the SHA-256 of a file's bytes in lower-case hex. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

function damaged(path: string, expected: string, got: string): StoreError {
  return new StoreError(
    `${path}: expected ${expected}, got ${got}; this checkpoint is damaged, remove its folder to use the previous one`,
    { code: 'TROUPE_STORE_DAMAGED', exitCode: 2 },
  );
}

function readJson(path: string, dir: string, fs: FileSystem): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT')
      throw new StoreError(
        `${dir}: expected a complete checkpoint, got a folder without ${relative(dir, path)}; use another one`,
        { code: 'TROUPE_STORE_DAMAGED', exitCode: 2 },
      );
    throw error;
  }
  return parseStoredObject(text, () => damaged(path, 'a JSON object', 'something else'));
}

function flush(path: string, fs: FileSystem): void {
  const fd = fs.openSync(path, 'r+');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Returns the paths of all files of a folder and its subfolders in a fixed order, so that marker files are
 * reproducible.
 */
function filesUnder(dir: string, fs: FileSystem): string[] {
  return fs
    .readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? filesUnder(path, fs) : [path];
    });
}

function foldersUnder(dir: string, fs: FileSystem): string[] {
  const inner = fs.readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inner.flatMap((entry) => foldersUnder(join(dir, entry.name), fs)), dir];
}
