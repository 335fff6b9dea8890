/**
 * Runs `npm run verify-zebra`, which compares the grading of ZebraLogic puzzles with the published results.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { TYPESCRIPT } from './typescript.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/verify-zebra.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

function verifyZebra(...args: string[]): { status: number | null; lines: string[]; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', TYPESCRIPT, SCRIPT, ...args], {
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n'), stderr: stderr.trimEnd() };
}

it('grades outputs and solves puzzles', () => {
  const files = ['zebralogic-puzzles.jsonl', 'zebralogic-outputs.jsonl'].map((name) => join(FIXTURES, name));
  expect(verifyZebra(...files)).toEqual({
    status: 0,
    stderr: '',
    lines: [
      '17 of 17 solved uniquely',
      'puzzle accuracy 37.50%, cell accuracy 50.88%',
      '8 agree, 0 disagree',
    ],
  });
});

it('reports a folder or a missing file in one line', () => {
  expect(verifyZebra(FIXTURES)).toMatchObject({
    status: 2,
    stderr: `verify-zebra: ${FIXTURES}: expected a file, got a folder; name the files in it`,
  });
  expect(verifyZebra('nowhere.jsonl').stderr).toBe(
    'verify-zebra: nowhere.jsonl: expected a file, got nothing there; check the path',
  );
});

it('lists each disagreement, and finds puzzles in the folder of the outputs', () => {
  const dir = mkdtempSync(join(tmpdir(), 'verify-zebra-'));
  try {
    const outputs = readFileSync(join(FIXTURES, 'zebralogic-outputs.jsonl'), 'utf8').trimEnd().split('\n');
    const record = JSON.parse(outputs.find((line) => JSON.parse(line).expected.solved) as string);
    const wrong = { ...record, expected: { ...record.expected, solved: false, correct_cells: 1 } };
    writeFileSync(join(dir, 'outputs.jsonl'), `${JSON.stringify(record)}\n${JSON.stringify(wrong)}\n`);
    writeFileSync(join(dir, 'grid.jsonl'), readFileSync(join(FIXTURES, 'zebralogic-puzzles.jsonl')));
    const cells = record.expected.total_cells;
    expect(verifyZebra(join(dir, 'outputs.jsonl'))).toEqual({
      status: 0,
      stderr: '',
      lines: [
        `line 2 ${record.id}: correct_cells: expected 1, got ${cells}; solved: expected false, got true`,
        'puzzle accuracy 100.00%, cell accuracy 100.00%',
        '1 agree, 1 disagree',
      ],
    });
    rmSync(join(dir, 'grid.jsonl'));
    expect(verifyZebra(join(dir, 'outputs.jsonl'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`outputs.jsonl:1: expected the puzzle of "${record.id}", got none`),
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
