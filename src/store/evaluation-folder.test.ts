import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileSystem } from '../support/file-system.ts';
import { openEvaluation, readEpisodes, readEvaluationRequest, readTimings } from './evaluation-folder.ts';

let root = '';
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'evaluation-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const REQUEST = { format: 2, title: 'team' };
const CHUNKS = 2;
const rows = (benchmark: string, chunk: number) =>
  [0, 1].map((k) => ({ benchmark, chunk, k, text: 'ü'.repeat(9) }));

/** Adds the chunks (groups of prompts) that the folder lacks, as `troupe eval --resume` does. */
function playMissing(dir: string, disk: FileSystem = fs): void {
  const folder = openEvaluation(dir, { request: REQUEST, resume: true, fs: disk });
  try {
    for (const benchmark of ['a', 'b c'])
      for (let chunk = folder.chunksDone(benchmark); chunk < CHUNKS; chunk++)
        folder.addChunk({ benchmark, chunk, prompts: 2, ms: 5 }, rows(benchmark, chunk));
    folder.writeFile('report.json', '{}\n');
  } finally {
    folder.close();
  }
}

function bytesOf(dir: string): Record<string, string> {
  const names = fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names
      .filter((name) => name !== 'timings.jsonl' && fs.statSync(join(dir, name)).isFile())
      .map((name) => [name, fs.readFileSync(join(dir, name), 'utf8')]),
  );
}

/** A file system that fails at the n-th write, of which half is written, and at all later operations. */
function failingDisk(writes: number): FileSystem {
  let left = writes;
  const fail = (): never => {
    throw Object.assign(new Error('disk failure'), { code: 'EIO', errno: -5 });
  };
  const failing = <A extends unknown[], R>(call: (...args: A) => R) =>
    ((...args: A): R => (left < 0 ? fail() : call(...args))) as typeof call;
  return {
    ...fs,
    writeFileSync: ((
      file: fs.PathOrFileDescriptor,
      data: string | Uint8Array,
      options?: fs.WriteFileOptions,
    ) => {
      if (left < 0) fail();
      if (left-- > 0) return fs.writeFileSync(file, data, options);
      fs.writeFileSync(file, data.slice(0, Math.floor(data.length / 2)), options);
      return fail();
    }) as FileSystem['writeFileSync'],
    ftruncateSync: failing(fs.ftruncateSync),
    renameSync: failing(fs.renameSync),
    fsyncSync: failing(fs.fsyncSync),
    rmSync: failing(fs.rmSync) as FileSystem['rmSync'],
  };
}

describe('an evaluation folder', () => {
  it('ends with the same bytes after a crash at any write', () => {
    playMissing(join(root, 'uninterrupted'));
    const expected = bytesOf(join(root, 'uninterrupted'));
    expect(Object.keys(expected)).toEqual([
      'episodes/a.jsonl',
      'episodes/b-c.jsonl',
      'evaluation.json',
      'journal.jsonl',
      'report.json',
    ]);
    let failures = 0;
    for (let writes = 0; writes < 24; writes++) {
      const dir = join(root, `killed-${writes}`);
      try {
        playMissing(dir, failingDisk(writes));
      } catch {
        failures++;
      }
      fs.rmSync(join(dir, 'lock'), { force: true }); // the simulated process no longer exists
      playMissing(dir);
      const left = bytesOf(dir);
      for (const name of Object.keys(left)) if (/tmp-|^lock-/.test(name)) delete left[name];
      expect(left, `killed at write ${writes}`).toEqual(expected);
    }
    expect(failures).toBeGreaterThan(12);
  });

  it('returns its request, its episodes and the durations of its chunks', () => {
    const dir = join(root, 'read');
    playMissing(dir);
    expect(readEvaluationRequest(dir)).toEqual(REQUEST);
    expect(readEpisodes(dir, 'b c')).toEqual([0, 1].flatMap((chunk) => rows('b c', chunk)));
    expect(readTimings(dir)).toHaveLength(2 * CHUNKS);
  });

  it('rejects overwriting, other requests and concurrent processes', () => {
    const dir = join(root, 'mine');
    playMissing(dir);
    expect(() => openEvaluation(dir, { request: REQUEST, resume: false })).toThrow(
      'expected a new or empty folder, got an evaluation; resume it with --resume',
    );
    expect(() => openEvaluation(dir, { request: { format: 2, title: 'other' }, resume: true })).toThrow(
      'expected the team and the benchmarks of this evaluation',
    );
    // the command-line arguments are not part of the request, so they may differ when the evaluation resumes
    const folder = openEvaluation(dir, { request: REQUEST, command: { team: 'x' }, resume: true });
    expect(() => openEvaluation(dir, { request: REQUEST, resume: true })).toThrow(/is locked by/);
    folder.close();
    fs.writeFileSync(join(root, 'notes.txt'), 'mine');
    expect(() => openEvaluation(root, { request: REQUEST, resume: true })).toThrow(
      'got one with other files in it',
    );
    expect(() => readEvaluationRequest(root)).toThrow(
      'expected the folder of an evaluation (evaluation.json)',
    );
  });
});
