/**
 * `troupe doctor` checks whether this machine can run troupe, and prints one line per check.
 * @module
 */
import { type Check, checkMachine, measureMachine } from '../../app/doctor.ts';
import { textTable } from '../../report/text-table.ts';
import type { DefineCommand } from '../command.ts';

export const defineDoctor: DefineCommand = (program) => {
  program
    .command('doctor')
    .description('check this machine: Node, ONNX Runtime, cores, memory, disk')
    .action(async () => {
      const checks = checkMachine(await measureMachine());
      process.stdout.write(`${renderChecks(checks)}\n`);
      if (checks.some(({ status }) => status === 'fail')) process.exitCode = 1;
    });
};

export function renderChecks(checks: readonly Check[]): string {
  return textTable(
    checks.map(({ status, name, found, advice }) => [status, name, advice ? `${found}; ${advice}` : found]),
  );
}
