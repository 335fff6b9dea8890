/**
 * Which process a process id means. Ids are reused, so an id alone cannot say whether the owner of a
 * lock still lives; id and start time together can.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemErrorCode } from './file-system.ts';

/**
 * A text that is equal for two looks at the same process and differs for another one with the same id.
 *
 * @returns undefined when no such process lives; `'alive'` where the system does not tell start times
 */
export function processIdentity(pid: number): string | undefined {
  if (!isAlive(pid)) return undefined;
  if (process.platform === 'linux') return linuxIdentity(pid);
  if (process.platform === 'win32') return 'alive';
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started || undefined;
  } catch {
    return 'alive'; // no `ps`: an id that lives is taken for the owner, the careful reading
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'; // lives, but belongs to somebody else
  }
}

function linuxIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field is a name in parentheses that may hold anything; counting starts after it
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const zombie = fields[0] === 'Z';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return zombie ? undefined : `${boot}/${fields[19]}`;
  } catch {
    return isAlive(pid) ? 'alive' : undefined;
  }
}
