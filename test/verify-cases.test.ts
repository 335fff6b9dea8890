/**
 * Runs `npm run verify-cases`, which grades files of cases and compares the verdicts with the expected ones.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TYPESCRIPT } from './typescript.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/verify-cases.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'verify-cases-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function verifyCases(...args: string[]): { status: number | null; lines: string[]; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', TYPESCRIPT, SCRIPT, ...args], {
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n'), stderr: stderr.trimEnd() };
}

function file(...cases: readonly object[]): string {
  const path = join(dir, 'cases.jsonl');
  writeFileSync(path, cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return path;
}

it('lists each disagreement and prints the counts', () => {
  const path = file(
    { gold: '1/2', prediction: '0.5', equal: true },
    { id: 'a', gold: '(1,2)', prediction: '(2,1)', equal: true },
    { kind: 'x', gold: '3', prediction: 'so \\boxed{3.0}', equal: false },
  );
  expect(verifyCases(path)).toEqual({
    status: 0,
    stderr: '',
    lines: [
      'line 2 a: expected equal, got different: gold "(1,2)", prediction "(2,1)" (item 1: not equal by exact arithmetic)',
      'line 3 x: expected different, got equal: gold "3", prediction "so \\\\boxed{3.0}" (equal by exact arithmetic)',
      '1 agree, 2 disagree',
    ],
  });
});

it('compares with one grader, or with two where they agree', () => {
  const path = join(FIXTURES, 'math500-variants.jsonl');
  expect(verifyCases(path, '--exclude', 'kind=deg_unicode').lines.slice(-2)).toEqual([
    '41 lines left out',
    '97 agree, 1 disagree',
  ]);
  expect(verifyCases(path, '--mode', 'strict-deepscaler').lines).toEqual(['139 agree, 0 disagree']);
});

it('reports invalid files and options', () => {
  expect(verifyCases(file({ gold: '1', prediction: '1' }))).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(
      /^verify-cases: .*cases.jsonl:1: expected true or false in "equal", got undefined$/,
    ),
  });
  expect(verifyCases(FIXTURES).stderr).toBe(
    `verify-cases: ${FIXTURES}: expected a file, got a folder; name the files in it`,
  );
  expect(verifyCases('x.jsonl', '--mode', 'strict').stderr).toBe(
    'verify-cases: --mode: expected equivalent or strict-deepscaler, got "strict"',
  );
});
