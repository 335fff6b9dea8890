import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findTranscripts, runConfigProblem } from './transcripts.ts';

const OLD = /expected .* of format 2, got format 1; its split "test" is called "validation" now/;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'troupe-transcripts-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const row = (item: string, more: object = {}): string =>
  `${JSON.stringify({ item, sample: 0, prompt: 'a?', messages: [], correct: true, reason: 'right', reward: 1, ...more })}\n`;

/** Writes a run with a file of transcripts in each of its places. */
function writeRun(format: number, { evaluation = format } = {}): string[] {
  mkdirSync(join(root, 'run', 'checkpoints'), { recursive: true });
  write('run/config.yaml', '');
  write('run/manifest.json', JSON.stringify({ format }));
  write('run/evaluations/full/evaluation.json', JSON.stringify({ format: evaluation }));
  return [
    write('run/completions/stage-0001.jsonl', row('test:0', { stage: 1, split: 'test' })),
    write('run/evaluations/stage-0001-a-test.jsonl', row('test:0')),
    write('run/evaluations/full/episodes/math500.jsonl', row('test:0')),
  ];
}

it('finds the transcripts of a run, of an evaluation and of a file', () => {
  const files = writeRun(2);
  expect(findTranscripts(join(root, 'run'), { split: 'test' })).toHaveLength(3);
  expect(findTranscripts(join(root, 'run/evaluations/full'))).toHaveLength(1);
  for (const file of files) expect(findTranscripts(file)).toHaveLength(1);
});

it('rejects a run of format 1 and all transcripts in it', () => {
  const files = writeRun(1);
  for (const path of [join(root, 'run'), join(root, 'run/evaluations/full'), ...files])
    expect(() => findTranscripts(path, { split: 'test' }), path).toThrow(OLD);
});

it('rejects an evaluation of format 1 in a run', () => {
  writeRun(2, { evaluation: 1 });
  expect(() => findTranscripts(join(root, 'run'))).toThrow(OLD);
  expect(() => findTranscripts(join(root, 'run/evaluations/full'))).toThrow(OLD);
});

it('rejects a single file with the split heldout in its name or items, in one line', () => {
  const line =
    /^\S+: expected transcripts of format 2, got [^\n]+; its split "test" is called "validation" now/;
  for (const file of [
    write('a-heldout.jsonl', row('0')),
    write('b.jsonl', row('heldout:3')),
    write('c.jsonl', row('heldout-3')),
    write('d.jsonl', row('3', { split: 'heldout' })),
  ])
    expect(() => findTranscripts(file), file).toThrow(line);
  expect(findTranscripts(write('e-test.jsonl', row('test:3')))).toHaveLength(1);
});

it('names a damaged configuration of a run, whose transcripts can still be read', () => {
  writeRun(2);
  const run = join(root, 'run');
  const path = write('run/config.yaml', 'name: t\nseed: [\nx: 1\n');
  expect(findTranscripts(run)).toHaveLength(3);
  expect(runConfigProblem(run)).toMatch(new RegExp(`^${path}:3:1 expected YAML: [^\n]+$`));
  write('run/config.yaml', 'name: t\n');
  expect(runConfigProblem(run)).toBeUndefined();
  expect(runConfigProblem(join(run, 'evaluations/full'))).toBeUndefined();
});
