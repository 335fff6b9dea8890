/**
 * Tests `troupe ray up` as a user runs it: it prints its address, and leaves no processes behind when it
 * ends.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { rayFolder } from '../../src/engine/ray/testing/clusters.ts';
import { describeWithRay } from '../../src/engine/ray/testing/ray.ts';
import { Connection } from '../../src/engine/torch/connection.ts';
import { START_MS, TEST_PYTHON } from '../../src/engine/torch/testing/python.ts';

const TROUPE = fileURLToPath(new URL('../../bin/troupe.mjs', import.meta.url));

/** Returns the command lines of the processes that have the folder as an argument. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(folder) ? [command] : [];
      } catch {
        return []; // the process has just ended
      }
    });
}

describeWithRay('troupe ray up', () => {
  it(
    'starts a cluster and a driver, accepts only their token, and ends both',
    async () => {
      const ray = rayFolder();
      const options = [
        '--num-cpus',
        '1',
        '--num-gpus',
        '0',
        '--object-store-mib',
        '80',
        '--temp-dir',
        ray.path,
      ];
      const up = ['ray', 'up', '--python', String(TEST_PYTHON), '--port', '0', '--json', ...options];
      const child = spawn(process.execPath, [TROUPE, ...up], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'exit');
      try {
        const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
        const facts = JSON.parse(line) as { readonly url: string; readonly token: string };
        expect(facts).toMatchObject({ nodes: 1, cpus: 1, gpus: 0, gpusPerAgent: 0, tokenIsOwn: false });
        expect(facts.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
        const stranger = new Connection({ url: facts.url, token: 'guess', engine: 'ray' });
        await expect(stranger.hello()).rejects.toThrow(/^engine ray: .* does not accept this token/);
        stranger.close();
        expect(processesOf(ray.path).length).toBeGreaterThan(2);
      } finally {
        child.kill('SIGTERM');
      }
      expect(await ended).toEqual([0, null]);
      // killed processes may need a moment to end on a busy machine
      await expect.poll(() => processesOf(ray.path), { timeout: 60_000 }).toEqual([]);
      ray.remove();
    },
    START_MS,
  );

  it('prints one line if no cluster listens at an address', () => {
    const args = [TROUPE, 'ray', 'up', '--python', String(TEST_PYTHON), '--address', '127.0.0.1:9'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^engine ray: there is no Ray cluster at 127\.0\.0\.1:9; .*\n$/);
  });
});
