/** Runs the programs of `examples/` as a user does: from an empty folder, with the built package. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TYPESCRIPT } from './typescript.ts';

const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));
const LINES_MAX = 120;

/** Text that the standard output of each program must contain. */
const OUTPUT: Readonly<Record<string, RegExp>> = {
  '01-team-in-ten-lines.ts': /stage 3: reward 0\.\d{3}\nteam to use: .*runs\/ten-lines-1\/checkpoints\//,
  '02-own-task.ts':
    /loss \d\.\d{3} nats per token\naccuracy of the team on the test split: \S+% before, \S+% after/,
  '03-own-protocol.ts': /second opinion/,
  '04-evaluate.ts': /25 prompts of the test split, K = 4\nteam +avg@K .*\nagent_0 .*\nagent_1 /,
  '05-serve.ts': /answer: .*\d\nvotes: .*"winner"/,
  '06-swap.ts': /"mode": "mixture"/,
  '07-core.ts': /radius 0\.05: accepted\nKL .*radius 0\.01: retry/,
  '08-read-a-run.ts':
    /stage 2: reward .*\nstage 1, agent_0: [A-Z_]+, \d+% of its radius[\s\S]*trained team: /,
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-examples-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the examples', () => {
  const programs = readdirSync(EXAMPLES).filter((name) => /^\d\d-.*\.ts$/.test(name));

  it('are the listed programs, with at most 120 lines each', () => {
    expect(programs).toEqual(Object.keys(OUTPUT));
    const lines = readdirSync(EXAMPLES).map(
      (name) => readFileSync(join(EXAMPLES, name), 'utf8').split('\n').length,
    );
    expect(Math.max(...lines)).toBeLessThanOrEqual(LINES_MAX);
  });

  it.each(programs)('%s runs', (name) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', TYPESCRIPT, join(EXAMPLES, name)],
      { cwd: dir, encoding: 'utf8' },
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(OUTPUT[name] as RegExp);
  });
});
