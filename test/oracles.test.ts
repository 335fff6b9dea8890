/**
 * Runs every case of the oracle file (exact expected numbers) through the same adapters as `npm run oracles`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mismatches } from '../scripts/oracles/compare.ts';
import { parseOracles, runCase } from '../scripts/oracles/run.ts';
import { TYPESCRIPT } from './typescript.ts';

const FIXTURE = new URL('./fixtures/oracles.json', import.meta.url).pathname;
const cases = parseOracles(readFileSync(FIXTURE, 'utf8'));
const families = [...new Set(cases.map((oracle) => oracle.family))];

describe('the core agrees with the oracle file', () => {
  it('has all 31 families and 95 cases', () => {
    expect(families).toHaveLength(31);
    expect(cases).toHaveLength(95);
  });

  for (const family of families)
    it(`${family}`, () => {
      for (const oracle of cases.filter((c) => c.family === family))
        expect({ id: oracle.id, mismatches: runCase(oracle) }).toEqual({ id: oracle.id, mismatches: [] });
    });

  it('detects a changed number in every family', () => {
    for (const family of families) {
      const oracle = cases.find((c) => c.family === family);
      if (!oracle) throw new Error(`no case of ${family}`);
      expect({ family, found: runCase({ ...oracle, expected: nudged(oracle.expected) }).length > 0 }).toEqual(
        {
          family,
          found: true,
        },
      );
    }
  });
});

describe('comparison', () => {
  it('allows an error of tol (1 + |expected|)', () => {
    expect(mismatches(3.4e-9, 0, 4e-9)).toEqual([]);
    expect(mismatches(100 + 1e-7, 100, 1e-9)).toEqual([]);
    expect(mismatches(100 + 2e-7, 100, 1e-9)).toHaveLength(1);
  });

  it('reads "Infinity" and "NaN" as numbers and null as undefined', () => {
    expect(mismatches([Infinity, Number.NaN, undefined, null], ['Infinity', 'NaN', null, null], 0)).toEqual(
      [],
    );
    expect(mismatches([1e308, 0, 0], ['Infinity', 'NaN', null], 1)).toHaveLength(3);
    expect(mismatches(Number.NaN, 1, 1)).toHaveLength(1);
  });

  it('reports the path of every difference, also of missing fields and wrong lengths', () => {
    const got = { a: [1, 2], b: { c: 'x' } };
    const expected = { a: [1, 3], b: { c: 'y', d: 1 }, e: [1] };
    expect(mismatches(got, expected, 1e-9).map((m) => m.path)).toEqual(['a[1]', 'b.c', 'b.d', 'e']);
    expect(mismatches([1], [1, 1], 1).map((m) => m.path)).toEqual(['(whole)']);
  });
});

describe('npm run oracles', () => {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-oracles-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const script = new URL('../scripts/oracles.ts', import.meta.url).pathname;
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--import', TYPESCRIPT, script, ...args], { encoding: 'utf8' });
  const fileOf = (text: string) => {
    const path = join(dir, 'oracles.json');
    writeFileSync(path, text);
    return path;
  };

  it('prints the counts and exits with 0 if all cases pass', () => {
    const out = execFileSync(process.execPath, ['--import', TYPESCRIPT, script, FIXTURE], {
      encoding: 'utf8',
    });
    expect(out).toBe('95 passed, 0 failed\n');
  });

  it('prints a line per failure, counts unknown families as failures, and exits with 1', () => {
    const [first] = cases;
    const wrong = { ...first, expected: { adv: [0, 0, 0, 0] } };
    const { status, stdout } = run(
      fileOf(JSON.stringify({ cases: [first, wrong, { ...first, family: 'F99' }] })),
    );
    const lines = stdout.trimEnd().split('\n');
    expect(status).toBe(1);
    expect(lines[0]).toMatch(
      /^FAIL F01_group_normalise F01_group_normalise-P1 adv\[0\]: got 0\.99.*, expected 0$/,
    );
    expect(lines.at(-2)).toContain('unknown family');
    expect(lines.at(-1)).toBe('1 passed, 2 failed');
  });

  it('reports an invalid file in one line and exits with 2', () => {
    for (const path of [join(dir, 'missing.json'), fileOf('{'), fileOf('{"cases": []}')]) {
      const { status, stderr } = run(path);
      expect({ status, lines: stderr.trimEnd().split('\n').length }).toEqual({ status: 2, lines: 1 });
      expect(stderr).toContain(path);
    }
    expect(run().status).toBe(2);
  });
});

/** Returns a copy of the value in which the first number is moved far outside any tolerance. */
function nudged(value: unknown): unknown {
  let done = false;
  return JSON.parse(
    JSON.stringify(value, (_, entry: unknown) => {
      if (done || typeof entry !== 'number') return entry;
      done = true;
      return entry + 1;
    }),
  );
}
