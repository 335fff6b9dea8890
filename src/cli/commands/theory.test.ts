import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../main.ts';

let dir: string;
let output: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-theory-'));
  output = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => output.push(String(text)) > 0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

describe('troupe theory', () => {
  it('prints one line per claim and writes a report with pictures', async () => {
    const out = join(dir, 'new', 'place');
    expect(await main(['theory', '--worlds', '50', '--seed', '2', '--only', 'occupancy', '--out', out])).toBe(
      0,
    );
    const text = output.join('');
    expect(text).toMatch(/^ {2}holds +stale occupancy: J0 0.5445, stale 0.52449551, /m);
    expect(text).toMatch(/^ {2}fails as predicted +occupancy lemma, not normalised: /m);
    expect(text).toMatch(/^4 claims: 3 hold, 1 fail as predicted, 0 differ from the prediction \(\d+ s\)$/m);
    const report = readFileSync(join(out, 'theory-report.md'), 'utf8');
    const pictures = [...report.matchAll(/!\[[^\]]+\]\((.+)\)/g)].map(([, path]) => path as string);
    expect(pictures).toEqual(['theory-report/stale-occupancy.svg']);
    expect(readFileSync(join(out, pictures[0] as string), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);

    // a second report without pictures: the pictures of the first one must be deleted
    expect(await main(['theory', '--worlds', '50', '--only', 'chain rule', '--out', out])).toBe(0);
    expect(readdirSync(join(out, 'theory-report'))).toEqual([]);
  });

  it('prints JSON lines with --json', async () => {
    expect(await main(['theory', '--only', 'coordination', '--out', dir, '--json'])).toBe(0);
    expect(output.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ name: 'coordination game', verdict: 'holds', as_predicted: true }),
    ]);
  });

  it.each([
    [['--worlds', '3'], /expected an integer >= 50/],
    [['--seed', 'x'], /^--seed: expected an integer >= 0, got "x"/],
    [['--train.stages', '2'], /^--train.stages: expected no field of a team file/],
    [['--only', 'nothing like it'], /^--only: expected part of a claim's name, .* the claims are exact seq/],
  ])('refuses %j before the first claim', async (flags, message) => {
    expect(await main(['theory', ...flags, '--out', dir])).toBe(2);
    expect(output.join('')).toMatch(message);
    expect(existsSync(join(dir, 'theory-report.md'))).toBe(false);
  });
});
