/**
 * Text tables, aligned for terminals or in Markdown, and one-line charts.
 * @module
 */

export type Alignment = 'left' | 'right';

/**
 * A table of aligned columns, two spaces apart, without trailing spaces.
 *
 * @param rows - the first one is the head
 * @param align - one per column; default left
 */
export function textTable(rows: readonly (readonly string[])[], align: readonly Alignment[] = []): string {
  const widths = columnWidths(rows);
  return rows
    .map((row) =>
      row
        .map((cell, i) => pad(cell, widths[i] ?? 0, align[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A Markdown table; parameters as in {@link textTable}. */
export function markdownTable(
  rows: readonly (readonly string[])[],
  align: readonly Alignment[] = [],
): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${head.map((_, i) => (align[i] === 'right' ? '--:' : '---')).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/**
 * A line chart of one text line, with one character per value.
 *
 * @param width - number of characters; older values that do not fit are omitted
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown
    .map((value) => BLOCKS[span > 0 ? Math.round(((value - low) / span) * (BLOCKS.length - 1)) : 0])
    .join('');
}

/** A bar of `width` characters, filled to a share of 0..1; a larger share fills it completely. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
}

function pad(cell: string, width: number, align: Alignment | undefined): string {
  return align === 'right' ? cell.padStart(width) : cell.padEnd(width);
}
