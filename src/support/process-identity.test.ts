import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { processIdentity } from './process-identity.ts';

it('is stable for a running process and differs between processes', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
  await once(child, 'spawn');
  const own = processIdentity(process.pid);
  expect(own).toBeTypeOf('string');
  expect(processIdentity(process.pid)).toBe(own);
  if (process.platform === 'linux') expect(processIdentity(child.pid ?? 0)).not.toBe(own);
  child.kill();
  await once(child, 'exit');
  expect(processIdentity(child.pid ?? 0)).toBeUndefined();
});

it('is undefined for a process that no longer exists', () => {
  expect(processIdentity(spawnSync(process.execPath, ['-e', '']).pid)).toBeUndefined();
});
