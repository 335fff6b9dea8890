/** Runs commands of troupe in processes of their own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Entry file of the command line. */
export const TROUPE = fileURLToPath(new URL('../bin/troupe.mjs', import.meta.url));

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a folder and waits for its end. */
export function spawnTroupe(cwd: string, args: readonly string[]): CommandResult {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TROUPE, ...args], {
    cwd,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
