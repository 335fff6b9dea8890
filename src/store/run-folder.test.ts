import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeError } from '../support/atomic-file.ts';
import type { RunEvent } from '../train/events.ts';
import { type Checkpoint, checkpointName, type RunStore } from '../train/store-port.ts';
import { checkpointOfModel, findStoredTeam, readEvents, readRunConfig } from './read-run.ts';
import { createRun, openRun } from './run-folder.ts';

let root: string;
let dir: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'troupe-store-'));
  dir = join(root, 'run');
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

/**
 * Simulates one stage of a run. The written data depend only on the stage's number and the previous state.
 */
async function runStage(
  store: RunStore,
  stage: number,
  { write = fs, promote = true }: { write?: typeof fs; promote?: boolean } = {},
): Promise<Checkpoint> {
  const before = (store.lastCheckpoint()?.state ?? { sum: 0 }) as { sum: number };
  const sum = before.sum + stage;
  store.emit({ kind: 'stage_started', stage, order: [0, 1] });
  store.emit({ kind: 'phase', stage, agent: 0, phase: 'rollout', done: 1, total: 2 });
  store.appendMetrics({ stage, reward: sum / 10, 'agent_0/kl': 0.001 * stage });
  store.appendCompletions(stage, [{ prompt: `p${stage}`, text: 'x'.repeat(50 + stage) }]);
  const name = checkpointName(stage);
  store.emit({ kind: 'checkpoint', stage, name });
  return store.writeCheckpoint({
    stage,
    state: { sum },
    save: async (folder) => {
      for (const agent of [0, 1]) {
        write.mkdirSync(join(folder, `agent_${agent}`));
        write.writeFileSync(join(folder, `agent_${agent}`, 'model.safetensors'), `weights ${agent} ${sum}`);
      }
    },
    ...(promote ? { champion: name } : {}),
  });
}

async function runAll(store: RunStore, stages: number, write: typeof fs = fs): Promise<void> {
  const from = store.lastCheckpoint()?.stage ?? -1;
  store.emit({ kind: 'run_started', stages, agents: ['a', 'b'], fromStage: Math.max(from, 0) });
  for (let stage = from + 1; stage <= stages; stage++) await runStage(store, stage, { write });
  store.writeReport(`# ${stages} stages\n`);
}

/** Returns the contents of a run's files except timings, manifest and lock. */
function bytesOf(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      const name = relative(folder, inner);
      if (entry.isDirectory()) walk(inner);
      else if (entry.isSymbolicLink()) files[name] = `-> ${fs.readlinkSync(inner)}`;
      else if (!['timings.jsonl', 'manifest.json', 'lock'].includes(name))
        files[name] = fs.readFileSync(inner, 'utf8');
    }
  };
  walk(folder);
  return files;
}

const MUTATING = [
  'openSync',
  'writeFileSync',
  'fsyncSync',
  'ftruncateSync',
  'truncateSync',
  'linkSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'symlinkSync',
] as const;

/** The file system without `fsync`, which takes time and has an effect only if the power fails. */
const quick: typeof fs = { ...fs, fsyncSync: () => {} };

/**
 * Creates a file system whose k-th change fails after half of its bytes. In mode `dead` all later changes
 * fail too; in mode `full` files can still be removed and truncated.
 */
function failingDisk(k: number, mode: 'dead' | 'full'): { fs: typeof fs; reached: () => boolean } {
  let count = 0;
  const diskFull = (name: string) =>
    Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC', errno: -28 });
  const disk = { ...quick } as unknown as Record<string, (...args: unknown[]) => unknown>;
  const wrapped = { ...disk };
  for (const name of MUTATING) {
    const real = disk[name]!;
    wrapped[name] = (...args: unknown[]) => {
      count++;
      const frees = name === 'rmSync' || name.endsWith('truncateSync');
      if (count < k || (mode === 'full' && frees)) return real(...args);
      if (count === k && name === 'writeFileSync') {
        const data = Buffer.from(args[1] as string | Uint8Array);
        real(args[0], data.subarray(0, data.length >> 1));
      }
      throw diskFull(name);
    };
  }
  return { fs: wrapped as unknown as typeof fs, reached: () => count >= k };
}

describe('a run folder', () => {
  it('contains the configuration, events without times, metrics, transcripts and the newest checkpoints', async () => {
    const store = await createRun(dir, { config: 'seed: 1\n', manifest: { troupe: '0.1.0' } });
    await runAll(store, 3);
    await store.close();
    expect(readRunConfig(dir)).toBe('seed: 1\n');
    expect(fs.readdirSync(join(dir, 'checkpoints')).sort()).toEqual(['champion', 'stage-0002', 'stage-0003']);
    expect(fs.readlinkSync(join(dir, 'checkpoints', 'champion'))).toBe('stage-0003');
    const kinds = readEvents(dir).map((event) => event.kind);
    expect(kinds.slice(0, 3)).toEqual(['run_started', 'stage_started', 'checkpoint']);
    expect(fs.readFileSync(join(dir, 'events.jsonl'), 'utf8')).not.toMatch(/time|phase/);
    expect(fs.readFileSync(join(dir, 'timings.jsonl'), 'utf8')).toMatch(/"phase":"rollout"/);
    expect(fs.readdirSync(dir)).not.toContain('lock');
  });

  it('keeps a champion of any age', async () => {
    const store = await createRun(dir, { config: '', keepLast: 1 });
    await runStage(store, 0);
    for (const stage of [1, 2]) await runStage(store, stage, { promote: false });
    await store.close();
    expect(fs.readdirSync(join(dir, 'checkpoints')).sort()).toEqual(['champion', 'stage-0000', 'stage-0002']);
    expect(await findStoredTeam(dir)).toMatchObject({ checkpoint: 'stage-0000', newest: 'stage-0002' });
    expect(await findStoredTeam(join(dir, 'checkpoints', 'stage-0002'))).toEqual({
      run: fs.realpathSync(dir),
      checkpoint: 'stage-0002',
      agents: [0, 1].map((id) => join(fs.realpathSync(dir), 'checkpoints', 'stage-0002', `agent_${id}`)),
    });
    expect(await findStoredTeam(root)).toBeUndefined();
  });

  it('replaces a checkpoint of the same stage', async () => {
    const store = await createRun(dir, { config: '' });
    await runStage(store, 1);
    const again = await store.writeCheckpoint({
      stage: 1,
      state: { sum: 7 },
      save: async (folder) => fs.writeFileSync(join(folder, 'x'), '7'),
    });
    await store.close();
    expect(fs.readdirSync(again.path).sort()).toEqual(['COMPLETE', 'state.json', 'x']);
    const reopened = await openRun(dir);
    expect(reopened.lastCheckpoint()?.state).toEqual({ sum: 7 });
    await reopened.close();
  });

  it('writes NaN as null', async () => {
    const store = await createRun(dir, { config: '' });
    store.appendMetrics({ stage: 1, loss: Number.NaN });
    await store.close();
    expect(fs.readFileSync(join(dir, 'metrics.jsonl'), 'utf8')).toBe('{"stage":1,"loss":null}\n');
  });

  it('rejects transcripts of a stage before the last checkpoint', async () => {
    const store = await createRun(dir, { config: '' });
    await runStage(store, 2);
    expect(() => store.appendCompletions(1, [{}])).toThrow('expected a stage >= 2');
    await store.close();
  });
});

describe('resuming', () => {
  it('ends with the bytes of an uninterrupted run after a crash at any write', async () => {
    const reference = join(root, 'reference');
    const uninterrupted = await createRun(reference, { config: 'c', fs: quick, keepLast: 1 });
    await runAll(uninterrupted, 1);
    await uninterrupted.close();
    const expected = bytesOf(reference);

    let k = 1;
    for (; ; k++) {
      const victim = join(root, `dead-${k}`);
      const disk = failingDisk(k, 'dead');
      try {
        await runAll(await createRun(victim, { config: 'c', fs: disk.fs, keepLast: 1 }), 1, disk.fs);
      } catch {
        // the error ends the simulated process
      }
      if (!disk.reached()) break;
      // removes the lock, because the simulated process no longer runs
      fs.rmSync(join(victim, 'lock'), { force: true });
      const store = fs.existsSync(join(victim, 'config.yaml'))
        ? await openRun(victim, { fs: quick, keepLast: 1 })
        : await createRun(victim, { config: 'c', fs: quick, keepLast: 1 });
      await runAll(store, 1);
      await store.close();
      expect(bytesOf(victim), `crashed at write ${k}`).toEqual(expected);
    }
    expect(k).toBeGreaterThan(80);
  });

  it('ends with the same bytes after two crashes', async () => {
    const reference = join(root, 'reference');
    const uninterrupted = await createRun(reference, { config: 'c' });
    await runAll(uninterrupted, 4);
    await uninterrupted.close();
    const first = await createRun(dir, { config: 'c' });
    await runStage(first, 0);
    await first.close();
    fs.rmSync(dir, { recursive: true });
    for (const k of [60, 90]) {
      const disk = failingDisk(k, 'dead');
      const store = fs.existsSync(dir)
        ? await openRun(dir, { fs: disk.fs })
        : await createRun(dir, { config: 'c', fs: disk.fs });
      await expect(runAll(store, 4, disk.fs)).rejects.toThrow();
      fs.rmSync(join(dir, 'lock'), { force: true });
    }
    const store = await openRun(dir);
    expect(store.lastCheckpoint()).toBeDefined();
    await runAll(store, 4);
    await store.close();
    expect(bytesOf(dir)).toEqual(bytesOf(reference));
  });

  it('writes a changed configuration', async () => {
    await (await createRun(dir, { config: 'stages: 1\n' })).close();
    await (await openRun(dir, { config: 'stages: 2\n' })).close();
    expect(readRunConfig(dir)).toBe('stages: 2\n');
  });
});

describe('a full disk', () => {
  it('gives one line and keeps the last checkpoint loadable at any write', async () => {
    let failures = 0;
    for (let k = 1; ; k++) {
      const victim = join(root, `full-${k}`);
      const store = await createRun(victim, { config: 'c', fs: quick });
      await runStage(store, 0);
      await store.close();
      const disk = failingDisk(k, 'full');
      let error: unknown;
      try {
        const again = await openRun(victim, { fs: disk.fs });
        await runStage(again, 1, { write: disk.fs });
      } catch (caught) {
        error = caught;
      }
      if (!disk.reached()) break;
      fs.rmSync(join(victim, 'lock'), { force: true });
      if (error !== undefined) {
        failures++;
        expect(error).toMatchObject({ name: 'StoreError', exitCode: 2 });
        expect((error as Error).message).toMatch(
          /^\S+: expected to write it, but the disk is full; [^\n]*free some space/,
        );
      }
      const reopened = await openRun(victim, { fs: quick });
      expect(error === undefined ? [1] : [0, 1]).toContain(reopened.lastCheckpoint()?.stage);
      await reopened.close();
    }
    expect(failures).toBeGreaterThan(30);
  });

  it('names the intact checkpoint and removes the partial one', async () => {
    const store = await createRun(dir, { config: 'c' });
    await runStage(store, 0);
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      errno: -28,
    });
    // the error as thrown by the system, and wrapped by the code that wrote the file
    for (const error of [full, writeError('model.safetensors', full)])
      await expect(
        store.writeCheckpoint({ stage: 1, state: 0, save: () => Promise.reject(error) }),
      ).rejects.toThrow(
        'stage-0001: expected to write it, but the disk is full; the last good checkpoint, stage-0000, is intact; free some space',
      );
    await store.close();
    expect(fs.readdirSync(join(dir, 'checkpoints')).sort()).toEqual(['champion', 'stage-0000']);
  });

  it('leaves no run folder if it occurs before the run is created', async () => {
    const disk = failingDisk(4, 'full');
    await expect(createRun(dir, { config: 'c', fs: disk.fs })).rejects.toThrow('the disk is full');
    expect(fs.existsSync(dir)).toBe(false);
  });
});

describe('a damaged checkpoint', () => {
  const cases: [string, (path: string) => void, RegExp][] = [
    [
      'truncated',
      (path) => fs.truncateSync(path, 3),
      /model\.safetensors: expected \d+ bytes, got 3; this checkpoint/,
    ],
    [
      'changed',
      (path) => fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('w', 'v')),
      /model\.safetensors: expected SHA-256 \w{12}\.\.\., got \w{12}\.\.\.; /,
    ],
    [
      'missing',
      (path) => fs.rmSync(path),
      /model\.safetensors: expected a file of the checkpoint, got nothing there/,
    ],
  ];
  it.each(cases)(
    '(%s) is rejected in one line with exit code 2, and the lock is released',
    async (_, damage, line) => {
      const store = await createRun(dir, { config: '' });
      const { path } = await runStage(store, 1);
      await store.close();
      damage(join(path, 'agent_1', 'model.safetensors'));
      await expect(openRun(dir)).rejects.toThrow(line);
      await expect(findStoredTeam(dir)).rejects.toMatchObject({ exitCode: 2 });
      expect(fs.existsSync(join(dir, 'lock'))).toBe(false);
    },
  );

  it('without its marker is ignored and removed', async () => {
    const store = await createRun(dir, { config: '' });
    await runStage(store, 1);
    const { path } = await runStage(store, 2);
    await store.close();
    fs.rmSync(join(path, 'COMPLETE'));
    const reopened = await openRun(dir);
    expect(reopened.lastCheckpoint()?.name).toBe('stage-0001');
    expect(fs.existsSync(path)).toBe(false);
    await reopened.close();
  });

  it.each(['null', '[]', '', '\0\0'])(
    'is rejected in one line if its marker or the manifest is %j',
    async (text) => {
      const store = await createRun(dir, { config: '' });
      await runAll(store, 1);
      await store.close();
      const manifest = fs.readFileSync(join(dir, 'manifest.json'));
      fs.writeFileSync(join(dir, 'manifest.json'), text);
      await expect(openRun(dir)).rejects.toThrow(
        /manifest\.json: expected a JSON object, got something else; /,
      );
      fs.writeFileSync(join(dir, 'manifest.json'), manifest);
      fs.writeFileSync(join(dir, 'checkpoints', 'stage-0001', 'COMPLETE'), text);
      await expect(openRun(dir)).rejects.toThrow(
        /COMPLETE: expected a JSON object, got something else; this/,
      );
    },
  );

  it('is rejected in one line if the link to the champion became a folder', async () => {
    const store = await createRun(dir, { config: '' });
    await runAll(store, 1);
    await store.close();
    const link = join(dir, 'checkpoints', 'champion');
    fs.rmSync(link);
    fs.cpSync(join(dir, 'checkpoints', 'stage-0001'), link, { recursive: true });
    const message = /champion: expected a link to a checkpoint, got a folder or file; remove it/;
    await expect(openRun(dir)).rejects.toThrow(message);
    await expect(findStoredTeam(dir)).rejects.toThrow(message);
    expect(fs.existsSync(join(link, 'COMPLETE'))).toBe(true);
  });

  it('is found through a link to one of its model folders', async () => {
    const store = await createRun(dir, { config: '' });
    await runAll(store, 1);
    await store.close();
    expect(checkpointOfModel(join(dir, 'checkpoints', 'champion', 'agent_1'))).toEqual({
      run: fs.realpathSync(dir),
      checkpoint: 'stage-0001',
      folder: join(fs.realpathSync(dir), 'checkpoints', 'stage-0001', 'agent_1'),
    });
    expect(checkpointOfModel(dir)).toBeUndefined();
    expect(checkpointOfModel(join(dir, 'none'))).toBeUndefined();
  });

  it('is rejected if another program truncated the events', async () => {
    const store = await createRun(dir, { config: '' });
    await runStage(store, 1);
    await store.close();
    fs.truncateSync(join(dir, 'events.jsonl'), 10);
    await expect(openRun(dir)).rejects.toThrow(/events\.jsonl: expected at least the \d+ bytes/);
  });
});

describe('the lock', () => {
  it('names the process that has the lock and the time since when', async () => {
    const store = await createRun(dir, { config: '', now: () => new Date('2024-05-06T07:08:09Z') });
    const line = `is locked by process ${process.pid} since 2024-05-06T07:08:09.000Z`;
    await expect(openRun(dir)).rejects.toThrow(line);
    await expect(createRun(dir, { config: '' })).rejects.toMatchObject({ exitCode: 2 });
    await store.close();
    await expect(createRun(dir, { config: '' })).rejects.toThrow('troupe train --resume');
    await (await openRun(dir)).close();
  });

  it('of a process that no longer exists, or whose id was reused, is taken over', async () => {
    await (await createRun(dir, { config: '' })).close();
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    for (const record of [
      { pid: gone, identity: 'boot/1', host: hostname(), since: 'x' },
      { pid: process.pid, identity: 'an earlier boot/1', host: hostname(), since: 'x' },
    ]) {
      fs.writeFileSync(join(dir, 'lock'), JSON.stringify(record));
      await (await openRun(dir)).close();
    }
    fs.writeFileSync(join(dir, 'lock'), '');
    await (await openRun(dir)).close();
  });

  it('of another machine counts as valid', async () => {
    await (await createRun(dir, { config: '' })).close();
    fs.writeFileSync(
      join(dir, 'lock'),
      JSON.stringify({ pid: 1, identity: 'x', host: 'elsewhere', since: 'noon' }),
    );
    await expect(openRun(dir)).rejects.toThrow('process 1 on elsewhere since noon');
  });

  it('is not acquired for folders that are not runs', async () => {
    fs.mkdirSync(dir);
    fs.writeFileSync(join(dir, 'notes.txt'), '');
    await expect(openRun(dir)).rejects.toThrow('expected a run folder (config.yaml and checkpoints/)');
    await expect(createRun(dir, { config: '' })).rejects.toMatchObject({ code: 'TROUPE_STORE_EXISTS' });
    await expect(createRun(dir, { config: '' })).rejects.toThrow(/one with files in it; choose another$/);
    expect(fs.readdirSync(dir)).toEqual(['notes.txt']);
    await expect(createRun(join(dir, 'notes.txt'), { config: '' })).rejects.toThrow(
      /notes\.txt: expected a new or empty folder, got a file; choose another$/,
    );
  });
});

it('reads events while the last line is still being written', async () => {
  const store = await createRun(dir, { config: '' });
  const event: RunEvent = { kind: 'run_finished', stage: 1 };
  store.emit(event);
  await store.close();
  fs.appendFileSync(join(dir, 'events.jsonl'), '{"kind":"run_fin');
  expect(readEvents(dir)).toEqual([event]);
});
