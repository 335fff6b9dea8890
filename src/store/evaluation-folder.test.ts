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

/** Plays what is missing, as the command does. */
function playThrough(dir: string, disk: FileSystem = fs): void {
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

/** A disk that dies at the n-th write: half of it is written, and nothing works afterwards. */
function dyingDisk(writes: number): FileSystem {
  let left = writes;
  const dead = (): never => {
    throw Object.assign(new Error('the machine is gone'), { code: 'EIO', errno: -5 });
  };
  const mortal = <A extends unknown[], R>(call: (...args: A) => R) =>
    ((...args: A): R => (left < 0 ? dead() : call(...args))) as typeof call;
  return {
    ...fs,
    writeFileSync: ((
      file: fs.PathOrFileDescriptor,
      data: string | Uint8Array,
      options?: fs.WriteFileOptions,
    ) => {
      if (left < 0) dead();
      if (left-- > 0) return fs.writeFileSync(file, data, options);
      fs.writeFileSync(file, data.slice(0, Math.floor(data.length / 2)), options);
      return dead();
    }) as FileSystem['writeFileSync'],
    ftruncateSync: mortal(fs.ftruncateSync),
    renameSync: mortal(fs.renameSync),
    fsyncSync: mortal(fs.fsyncSync),
    rmSync: mortal(fs.rmSync) as FileSystem['rmSync'],
  };
}

describe('an evaluation folder', () => {
  it('killed at any write and opened again ends with the bytes of one that was not', () => {
    playThrough(join(root, 'whole'));
    const whole = bytesOf(join(root, 'whole'));
    expect(Object.keys(whole)).toEqual([
      'episodes/a.jsonl',
      'episodes/b-c.jsonl',
      'evaluation.json',
      'journal.jsonl',
      'report.json',
    ]);
    let deaths = 0;
    for (let writes = 0; writes < 24; writes++) {
      const dir = join(root, `killed-${writes}`);
      try {
        playThrough(dir, dyingDisk(writes));
      } catch {
        deaths++;
      }
      fs.rmSync(join(dir, 'lock'), { force: true }); // its process is gone
      playThrough(dir);
      const left = bytesOf(dir);
      for (const name of Object.keys(left)) if (/tmp-|^lock-/.test(name)) delete left[name];
      expect(left, `killed at write ${writes}`).toEqual(whole);
    }
    expect(deaths).toBeGreaterThan(12);
  });

  it('reads back what it was asked, its episodes, and the last time of each chunk', () => {
    const dir = join(root, 'read');
    playThrough(dir);
    expect(readEvaluationRequest(dir)).toEqual(REQUEST);
    expect(readEpisodes(dir, 'b c')).toEqual([0, 1].flatMap((chunk) => rows('b c', chunk)));
    expect(readTimings(dir)).toHaveLength(2 * CHUNKS);
  });

  it('is not overwritten, mixed with another request, or shared', () => {
    const dir = join(root, 'mine');
    playThrough(dir);
    expect(() => openEvaluation(dir, { request: REQUEST, resume: false })).toThrow(
      'expected a new or empty folder, got an evaluation; go on with it by --resume',
    );
    expect(() => openEvaluation(dir, { request: { format: 2, title: 'other' }, resume: true })).toThrow(
      'expected the team and the benchmarks this evaluation was started with',
    );
    // how it was typed is not what is asked
    const folder = openEvaluation(dir, { request: REQUEST, command: { team: 'x' }, resume: true });
    expect(() => openEvaluation(dir, { request: REQUEST, resume: true })).toThrow(/holds it/);
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
