/** Runs `npm run verify-plans`, which verifies plans of the benchmark PlanBench. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TYPESCRIPT } from './typescript.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/verify-plans.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/planbench/', import.meta.url));
const fixture = (name: string): string => join(FIXTURES, name);

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'verify-plans-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function verifyPlans(...args: string[]): { status: number | null; lines: string[]; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', TYPESCRIPT, SCRIPT, ...args], {
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n'), stderr: stderr.trimEnd() };
}

it('agrees with the official verdicts and finds the reference plans valid', () => {
  const { status, lines, stderr } = verifyPlans(
    fixture('answers.jsonl'),
    fixture('blocksworld_task_1_plan_generation.json'),
    fixture('logistics_task_1_plan_generation.json'),
  );
  expect([status, stderr]).toEqual([0, '']);
  expect(lines[lines.length - 1]).toBe('30 agree, 0 disagree');
  expect(lines[0]).toMatch(/^\d+ answers verified with their recorded plan.* 3 of them/);
});

it('verifies the text alone with --text-only', () => {
  const { lines } = verifyPlans(fixture('answers.jsonl'), '--text-only');
  expect(lines[lines.length - 1]).toBe('23 agree, 3 disagree');
  expect(
    lines.filter((line) => line.includes('expected not valid, got valid (reaches the goal in 10 actions)')),
  ).toHaveLength(1);
});

it('lists each disagreement', () => {
  const [first] = readFileSync(fixture('answers.jsonl'), 'utf8').split('\n');
  const { extracted_plan: _, ...answer } = JSON.parse(first) as Record<string, unknown>;
  const path = join(dir, 'answers.jsonl');
  writeFileSync(
    path,
    `${JSON.stringify({ ...answer, raw_response: 'pick up the red block', valid: true })}\n`,
  );
  copyFileSync(fixture('blocksworld_instances.jsonl'), join(dir, 'blocksworld_instances.jsonl'));
  expect(verifyPlans(path)).toEqual({
    status: 0,
    stderr: '',
    lines: [
      `${path}:1 blocksworld-123: expected valid, got not valid (action 1, pick up red: red is not on the table)`,
      '0 agree, 1 disagree',
    ],
  });
});

it('reports an invalid file', () => {
  const path = join(dir, 'broken.jsonl');
  writeFileSync(path, '{"domain": "blocksworld"}\n');
  expect(verifyPlans(path)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`${path}:1: expected texts`),
  });
  expect(verifyPlans(FIXTURES).stderr).toBe(
    `verify-plans: ${FIXTURES}: expected a file, got a folder; name the files in it`,
  );
  expect(verifyPlans()).toMatchObject({
    status: 2,
    stderr: 'verify-plans: expected one file or more, got none',
  });
});
