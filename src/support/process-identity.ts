/**
 * Identifies processes across reuse of their ids. The system reuses process ids, so a lock needs the id and
 * the start time to detect whether its process still runs.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemErrorCode } from './file-system.ts';

/**
 * Returns a string that is constant for one process and different for a later process with the same id.
 *
 * @returns undefined if no process with this id runs; `'alive'` if the system does not provide start times
 */
export function processIdentity(pid: number): string | undefined {
  if (!isRunning(pid)) return undefined;
  if (process.platform === 'linux') return linuxIdentity(pid);
  if (process.platform === 'win32') return 'alive';
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started || undefined;
  } catch {
    // without `ps` a running process with this id counts as the same process, so that its lock is not taken
    // over
    return 'alive';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'; // the process runs but belongs to another user
  }
}

function linuxIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may contain any characters, so the other fields are read
    // from the last parenthesis on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const zombie = fields[0] === 'Z';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return zombie ? undefined : `${boot}/${fields[19]}`;
  } catch {
    return isRunning(pid) ? 'alive' : undefined;
  }
}
