/**
 * Identity of a process. Process ids are reused, so a lock needs id and start time to detect whether its process still
 * runs.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemErrorCode } from './file-system.ts';

/**
 * A string that is always the same for one process and different for another process with the same id.
 *
 * @returns undefined if no such process runs; `'alive'` if the system does not provide start times
 */
export function processIdentity(pid: number): string | undefined {
  if (!isRunning(pid)) return undefined;
  if (process.platform === 'linux') return linuxIdentity(pid);
  if (process.platform === 'win32') return 'alive';
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started || undefined;
  } catch {
    return 'alive'; // without `ps` a running process with this id counts as the same process, to be safe
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'; // runs, but belongs to another user
  }
}

function linuxIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is a name in parentheses with arbitrary characters; the other fields follow it
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const zombie = fields[0] === 'Z';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return zombie ? undefined : `${boot}/${fields[19]}`;
  } catch {
    return isRunning(pid) ? 'alive' : undefined;
  }
}
