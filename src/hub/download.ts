/**
 * Downloads one file of a hub model into the cache. Resumes a partial download. Renames the file to its final
 * name only if its size and checksum match those that the hub lists.
 * @module
 */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { downloadFile } from '@huggingface/hub';
import { removeQuietly, writeError } from '../support/atomic-file.ts';
import { TroupeError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';
import { processIdentity } from '../support/process-identity.ts';
import { hubError } from './request.ts';

/** A file in the hub's list of a model's files. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /**
   * SHA-256 of the content for a file in large file storage (LFS); else the SHA-1 of the git blob.
   * Hexadecimal.
   */
  readonly checksum: string;
}

export interface DownloadOptions {
  /** Reference of the model, used in messages. */
  readonly model: string;
  readonly repo: string;
  readonly commit: string;
  readonly endpoint: string;
  readonly token?: string;
  readonly fetch: typeof fetch;
  /** Path of the finished file. */
  readonly blob: string;
  /** Paths of interrupted downloads of this file, by this or other processes. */
  readonly partials: readonly string[];
  /** Called with the number of downloaded bytes of the file. */
  readonly onProgress?: (bytes: number) => void;
  /** Called with a one-line message when a broken connection is resumed. */
  readonly onNote?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Number of broken connections after which the download fails. It fails earlier if a connection transferred
 * nothing.
 */
const MAX_BREAKS = 5;

/**
 * @throws EngineError if the download is incomplete; the partial file is kept for the next attempt
 * @throws StoreError if the disk is full; the partial file is then removed
 */
export async function downloadBlob(file: HubFile, options: DownloadOptions): Promise<void> {
  const { blob } = options;
  if (existsSync(blob)) return;
  mkdirSync(dirname(blob), { recursive: true });
  const partial = claimPartial(options);
  const attempt = { ...options, partial };
  try {
    await fetchAll(file, attempt);
    renameSync(partial, blob);
  } catch (error) {
    const isBroken = systemErrorCode(error) !== undefined || isDamaged(error);
    if (isBroken) removeQuietly(partial);
    else if (existsSync(partial)) renameSync(partial, `${blob}.incomplete`);
    if (error instanceof TroupeError || options.signal?.aborted) throw error;
    throw writeError(blob, error, 'nothing half-written is left');
  }
}

type Attempt = DownloadOptions & { readonly partial: string };

async function fetchAll(file: HubFile, attempt: Attempt): Promise<void> {
  const { model, partial, signal, onNote } = attempt;
  for (let breaks = 0; ; breaks++) {
    const before = sizeOf(partial);
    const problem = before < file.size ? await fetchRest(file, attempt) : undefined;
    signal?.throwIfAborted();
    const got = sizeOf(partial);
    if (problem === undefined && got >= file.size) break;
    const part = `${got} of ${file.size} bytes of ${file.path}`;
    if (breaks >= MAX_BREAKS || got <= before)
      throw hubError(
        `${model}: the connection broke after ${part}${problem === undefined ? '' : ` (${problem})`}; they are kept, run the command again to continue`,
        true,
      );
    onNote?.(`${model}: the connection broke after ${part}; resuming`);
  }
  await verify(file, attempt);
}

/**
 * Downloads the missing part of a file. @returns the error of a broken connection; undefined after a complete
 * response
 */
async function fetchRest(file: HubFile, attempt: Attempt): Promise<string | undefined> {
  const { repo, commit, endpoint, token, partial } = attempt;
  let refusal: unknown;
  const watched: typeof fetch = async (input, init) => {
    try {
      const response = await attempt.fetch(input, init);
      return ignoresRange(response, init) ? restart(partial, response) : response;
    } catch (error) {
      refusal = error; // stored here, because the hub client rethrows errors without their class
      throw error;
    }
  };
  const from = sizeOf(partial);
  try {
    const whole = await downloadFile({
      ...{ repo, path: file.path, revision: commit, hubUrl: endpoint, fetch: watched, xet: false },
      ...(token === undefined ? {} : { accessToken: token }),
    });
    if (whole === null)
      throw hubError(`${attempt.model}: the hub lists ${file.path} but does not have it; try again later`);
    if (whole.size !== file.size)
      throw hubError(
        `${attempt.model}: ${file.path} should have ${file.size} bytes, the hub offers ${whole.size}; try again later`,
      );
    await append(from === 0 ? whole : whole.slice(from), attempt, file.size);
    return undefined;
  } catch (error) {
    if (refusal instanceof TroupeError) throw refusal;
    if (error instanceof TroupeError || systemErrorCode(error) === 'ENOSPC' || isDiskError(error))
      throw error;
    return error instanceof Error ? error.message.replace(/\s+/g, ' ') : String(error);
  }
}

/** Whether the request asked for the rest of a file and the hub sent the complete file. */
function ignoresRange(response: Response, init: RequestInit | undefined): boolean {
  const range = new Headers(init?.headers).get('Range') ?? '';
  return response.status === 200 && /^bytes=[1-9]/.test(range);
}

function restart(partial: string, response: Response): Response {
  removeQuietly(partial);
  return response;
}

async function append(body: Blob, { partial, onProgress, signal }: Attempt, size: number): Promise<void> {
  const reader = body.stream().getReader();
  let fd: number | undefined;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      // opened after the first bytes arrived, because until then `restart` may remove the partial file
      fd ??= openSync(partial, 'a');
      if (done) return;
      for (let at = 0; at < value.length; ) at += writeSync(fd, value, at);
      const got = sizeOf(partial);
      if (got > size) return; // more bytes than expected: the verification of the checksum fails later
      onProgress?.(got);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined); // `cancel` itself fails on a broken connection
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

class DamagedError extends Error {}

function isDamaged(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof DamagedError;
}

function isDiskError(error: unknown): boolean {
  return (
    error instanceof Error && 'syscall' in error && ['write', 'open', 'fsync'].includes(String(error.syscall))
  );
}

async function verify(file: HubFile, { model, partial, onProgress }: Attempt): Promise<void> {
  const size = sizeOf(partial);
  const hash = emptyHash(file, size);
  if (size > 0) for await (const chunk of createReadStream(partial)) hash.update(chunk as Uint8Array);
  else if (!existsSync(partial)) closeSync(openSync(partial, 'a'));
  const checksum = hash.digest('hex');
  if (size === file.size && checksum === file.checksum) {
    onProgress?.(size);
    return;
  }
  const error = hubError(
    `${model}: expected ${file.path} with checksum ${file.checksum}, got ${checksum}; the download was damaged and is removed, run the command again`,
    true,
  );
  error.cause = new DamagedError();
  throw error;
}

/**
 * Creates the hash of a file, SHA-256 or git blob id. A git blob id includes a header with the length of the
 * file.
 */
function emptyHash({ checksum }: HubFile, size: number): Hash {
  return checksum.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

/**
 * Takes over the partial file of a process that has ended, by renaming it. Each process writes only to the
 * partial file with its own process id, so two processes never write to the same file.
 *
 * @returns path of this process's partial file; the file may not exist
 */
function claimPartial({ blob, partials }: DownloadOptions): string {
  const partial = `${blob}.part-${process.pid}`;
  const free = partials.find((path) => {
    const owner = /\.part-(\d+)$/.exec(path)?.[1];
    return (
      path.endsWith('.incomplete') || (owner !== undefined && processIdentity(Number(owner)) === undefined)
    );
  });
  if (free !== undefined && free !== partial)
    try {
      renameSync(free, partial);
    } catch (error) {
      // ENOENT: another process has taken over the file first
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  return partial;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
