/**
 * Checks that troupe sends no telemetry: a training resolves no host name, connects to none, and leaves no
 * file in the user's folders. System calls are checked if strace is installed. If it is not,
 * TROUPE_STRACE_REQUIRED makes the test fail.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorker } from '../src/engine/torch/worker-process.ts';

const MAIN = new URL('../dist/cli/main.js', import.meta.url).href;
const RECIPE = fileURLToPath(new URL('../recipes/quickstart.yaml', import.meta.url));

/**
 * Lifetime of the process. ONNX Runtime would upload telemetry for the first time about 10 s after it was
 * loaded.
 */
const LIFE_MS = 20_000;
/** A program that trains for a few seconds and then waits until the end of its lifetime. */
const PROGRAM = `
  import { main } from ${JSON.stringify(MAIN)};
  const words = ['train', ${JSON.stringify(RECIPE)}, '--run', 'run', '--train.stages', '1', '--gate.kind', 'off',
    '--train.prompts_per_step', '4', '--train.num_generations', '2', '--eval.prompts', '4', '--eval.k', '1'];
  process.exitCode = await main(words);
  setTimeout(() => {}, ${LIFE_MS} - performance.now());`;

const SYSTEM_CALLS = 'trace=connect,sendto,sendmsg,sendmmsg';
const hasStrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

if (!hasStrace && process.env.TROUPE_STRACE_REQUIRED)
  throw new Error('strace: expected a program that traces, got none; TROUPE_STRACE_REQUIRED is set');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-telemetry-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe.skipIf(process.platform !== 'linux')('a training', () => {
  it(`leaves the user's folders alone${hasStrace ? ' and connects to nothing' : ' (strace is not installed)'}`, () => {
    const folders = {
      HOME: 'home',
      XDG_CACHE_HOME: 'cache',
      XDG_DATA_HOME: 'data',
      XDG_CONFIG_HOME: 'config',
    };
    const env = { ...process.env };
    delete env.ORT_DISABLE_TELEMETRY;
    for (const [variable, name] of Object.entries(folders)) {
      env[variable] = join(dir, name);
      mkdirSync(join(dir, name));
    }
    const trace = join(dir, 'trace');
    const node = [process.execPath, '--input-type=module', '-e', PROGRAM];
    const [program = '', ...words] = hasStrace
      ? ['strace', '-f', '-qq', '-e', SYSTEM_CALLS, '-e', 'signal=none', '-o', trace, ...node]
      : node;
    const { status, stdout, stderr } = spawnSync(program, words, { cwd: dir, env, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('team to use');
    const left = Object.values(folders).flatMap((name) =>
      readdirSync(join(dir, name), { recursive: true, encoding: 'utf8' }),
    );
    expect(left).toEqual([]);
    if (hasStrace) expect(readFileSync(trace, 'utf8')).toBe('');
  });
});

describe.skipIf(process.platform === 'win32')('a worker', () => {
  it('is started with the telemetry of its libraries off', async () => {
    const python = join(dir, 'python');
    writeFileSync(python, `#!/bin/sh\nenv > '${join(dir, 'environment')}'\nexit 1\n`);
    chmodSync(python, 0o755);
    await expect(startWorker({ python })).rejects.toThrow('ended with exit code 1');
    const lines = readFileSync(join(dir, 'environment'), 'utf8').split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ORT_DISABLE_TELEMETRY=1',
        'HF_HUB_DISABLE_TELEMETRY=1',
        'RAY_USAGE_STATS_ENABLED=0',
        'VLLM_NO_USAGE_STATS=1',
        'DO_NOT_TRACK=1',
      ]),
    );
  });
});
