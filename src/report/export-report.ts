/**
 * Renders the report of `troupe export`: the files of each agent, the measured effect of rounding, and commands.
 * @module
 */
import { type RoundingLoss, roundingAdvice, roundingLines } from './rounding-loss.ts';

/** Result of the export of one agent. */
export interface ExportRow {
  readonly dir: string;
  readonly files: readonly string[];
  /** Whether an adapter was merged, so that an export without `--merge` would lose nothing. */
  readonly merged: boolean;
  /** Measured effect of rounding, or the reason why it was not measured. */
  readonly rounding?: RoundingLoss | string;
  readonly commands: readonly string[];
}

/** Returns the text for the terminal. */
export function exportReport(rows: readonly ExportRow[]): string {
  return rows
    .flatMap((row) => [...agentLines(row), ''])
    .slice(0, -1)
    .join('\n')
    .concat('\n');
}

function agentLines({ dir, files, merged, rounding, commands }: ExportRow): string[] {
  const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
  const advice = typeof rounding === 'object' ? roundingAdvice(rounding, merged) : undefined;
  return [
    `${dir}  ${files.join(', ')}`,
    ...indented(
      rounding === undefined
        ? []
        : typeof rounding === 'string'
          ? [`effect of rounding not measured: ${rounding}`]
          : roundingLines(rounding),
    ),
    ...(advice === undefined ? [] : [`  warning: ${advice}`]),
    ...indented(commands),
  ];
}
