import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiskRunStore } from './disk-run-store.ts';
import { readCompletions, readEvents, readModelCalls } from './read-run.ts';
import { createRun, openRun } from './run-folder.ts';

let root: string;
let run: string;
beforeEach(async () => {
  root = fs.mkdtempSync(join(tmpdir(), 'troupe-logs-'));
  run = join(root, 'run');
  const store = await createRun(run, { config: 'name: t\n' });
  for (const stage of [1, 2]) {
    appendStage(store, stage);
    await store.writeCheckpoint({
      stage,
      state: {},
      save: async (dir) => fs.writeFileSync(join(dir, 'weights'), `${stage}`),
    });
  }
  appendStage(store, 3); // after the last checkpoint
  store.recordModelCall({ call: 1 });
  store.recordModelCall({ call: 2 });
  await store.close();
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function appendStage(store: DiskRunStore, stage: number): void {
  store.emit({ kind: 'stage_started', stage, order: [0] });
  store.appendMetrics({ stage, reward: 0.5 });
  store.appendCompletions(stage, [{ stage, text: 'x' }]);
}

const lineOf = (file: string, number: number): [start: number, end: number] => {
  const lines = fs.readFileSync(join(run, file), 'utf8').split('\n');
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  return [start, start + (lines[number - 1] as string).length];
};

/** Overwrites a range of bytes with zeros, as some file systems do when the power fails. */
function zero(file: string, [start, end]: readonly [number, number]): void {
  const bytes = fs.readFileSync(join(run, file));
  fs.writeFileSync(join(run, file), bytes.fill(0, start, end));
}

const snapshot = (): string[] =>
  fs
    .readdirSync(run, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(run, name);
      return fs.statSync(path).isFile() ? `${name} ${fs.readFileSync(path, 'hex')}` : name;
    });

describe.each(['events.jsonl', 'metrics.jsonl'])('zeroed bytes in %s', (file) => {
  it('before the last checkpoint are refused with file and line, and nothing changes', async () => {
    zero(file, lineOf(file, 2));
    const before = snapshot();
    await expect(openRun(run)).rejects.toThrow(
      new RegExp(
        `${file}:2: expected a line of JSON, got \\d+ zero bytes; the file was damaged before the end of stage-0002, so the run cannot be resumed; restore the file from a backup, or start a new run with the agent folders of .*stage-0002$`,
      ),
    );
    expect(snapshot()).toEqual(before);
  });

  it('that include the last line feed before the checkpoint are refused', async () => {
    const [start, end] = lineOf(file, 2);
    zero(file, [start + 3, end + 1]);
    await expect(openRun(run)).rejects.toThrow(new RegExp(`${file}:2: .* of which \\d+ are zero; `));
  });

  it('after the last checkpoint are cut off', async () => {
    const intact = fs.readFileSync(join(run, file)).subarray(0, lineOf(file, 3)[0]);
    zero(file, lineOf(file, 3));
    await (await openRun(run)).close();
    expect(fs.readFileSync(join(run, file)).equals(intact)).toBe(true);
  });

  it('are refused if the file is shorter than the checkpoint recorded', async () => {
    fs.truncateSync(join(run, file), lineOf(file, 2)[0]);
    await expect(openRun(run)).rejects.toThrow(
      /expected at least the \d+ bytes that stage-0002 recorded, got \d+; .* restore the file/,
    );
  });
});

describe('damaged transcripts', () => {
  it.each([1, 2])('of stage %i are refused', async (stage) => {
    zero(`completions/stage-000${stage}.jsonl`, [0, 5]);
    await expect(openRun(run)).rejects.toThrow(/stage-000\d\.jsonl:1: expected a line of JSON/);
  });

  it('are never padded with zeros if the file is too short', async () => {
    fs.truncateSync(join(run, 'completions/stage-0002.jsonl'), 4);
    await expect(openRun(run)).rejects.toThrow(/stage-0002\.jsonl: expected at least the \d+ bytes/);
  });

  it('of later stages, or deleted ones, do not prevent resuming', async () => {
    zero('completions/stage-0003.jsonl', [0, 5]);
    fs.rmSync(join(run, 'completions/stage-0001.jsonl'));
    await (await openRun(run)).close();
    expect(readCompletions(run)).toEqual([{ stage: 2, text: 'x' }]);
  });
});

it('readers name the damaged line without control characters', () => {
  zero('events.jsonl', lineOf('events.jsonl', 1));
  expect(() => readEvents(run)).toThrow(/events\.jsonl:1: expected a line of JSON, got \d+ zero bytes; /);
  fs.writeFileSync(join(run, 'events.jsonl'), '{"kind":\u0007\n');
  expect(() => readEvents(run)).toThrow(/events\.jsonl:1: .*got "{\\"kind\\":\\u0007"; /);
});

it('a damaged line of times or calls is skipped', async () => {
  zero('model-calls.jsonl', lineOf('model-calls.jsonl', 1));
  zero('timings.jsonl', lineOf('timings.jsonl', 1));
  await (await openRun(run)).close();
  expect(readModelCalls(run)).toEqual([{ call: 2 }]);
});
