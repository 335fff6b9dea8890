import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sealCheckpoint, verifyCheckpoint } from './checkpoint-folder.ts';
import { readEvaluationRequest } from './evaluation-folder.ts';
import { FORMAT, requireFormat } from './format.ts';
import { findStoredTeam, readCompletions, readEvents, readRunConfig } from './read-run.ts';
import { openRun } from './run-folder.ts';

const OLD = /expected .* of format 2, got format 1.*; its split "test" is called "validation" now/;
const folder = (): string => mkdtempSync(join(tmpdir(), 'troupe-format-'));

it('accepts the current version and rejects all others in one line', () => {
  requireFormat('run', 'a run', { format: FORMAT });
  expect(() => requireFormat('run', 'a run', { format: 9, writer: '9.0.0' })).toThrow(
    'run: expected a run of format 2, got format 9, written by troupe 9.0.0; use that version of troupe or a newer one',
  );
  expect(() => requireFormat('run', 'a run', {})).toThrow(OLD);
});

it('rejects a run of format 1 before reading or changing it', async () => {
  const run = folder();
  mkdirSync(join(run, 'checkpoints'));
  writeFileSync(join(run, 'config.yaml'), 'task: { name: jsonl, heldout_path: a.jsonl }\n');
  writeFileSync(join(run, 'manifest.json'), '{"format": 1, "troupe": "0.1.0"}');
  for (const read of [readRunConfig, readEvents, readCompletions]) expect(() => read(run)).toThrow(OLD);
  await expect(openRun(run)).rejects.toThrow(OLD);
  await expect(findStoredTeam(run)).rejects.toThrow(OLD);
});

it('rejects a run without a manifest', async () => {
  const run = folder();
  mkdirSync(join(run, 'checkpoints'));
  writeFileSync(join(run, 'config.yaml'), '');
  expect(() => readRunConfig(run)).toThrow(OLD);
  await expect(openRun(run)).rejects.toThrow(OLD);
});

it('rejects the events and transcripts of a folder that is not a run', () => {
  for (const read of [readEvents, readCompletions])
    expect(() => read(folder())).toThrow('expected a run folder (config.yaml and checkpoints/)');
});

it('rejects checkpoints and evaluations of format 1', async () => {
  const checkpoint = folder();
  await sealCheckpoint(checkpoint);
  writeFileSync(join(checkpoint, 'COMPLETE'), '{"format": 1, "files": {}}');
  await expect(verifyCheckpoint(checkpoint)).rejects.toThrow(OLD);
  const evaluation = folder();
  writeFileSync(join(evaluation, 'evaluation.json'), '{"format": 1}');
  expect(() => readEvaluationRequest(evaluation)).toThrow(OLD);
});
