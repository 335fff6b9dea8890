/**
 * Formats tables as aligned text for terminals or as Markdown, and draws charts of one line of text.
 * @module
 */

export type Alignment = 'left' | 'right';

/**
 * Formats a table as aligned columns, two spaces apart, without trailing spaces.
 *
 * @param rows - the first row is the head
 * @param align - alignment of each column; default left
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

/** Formats a table as Markdown. The parameters are those of {@link textTable}. */
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
 * Draws a chart as one line of text, with one character per value.
 *
 * @param width - maximum number of characters; if there are more values, the first ones are omitted
 */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown
    .map((value) => BLOCKS[span > 0 ? Math.round(((value - low) / span) * (BLOCKS.length - 1)) : 0])
    .join('');
}

/** Draws a bar of `width` characters, filled to a share of 0..1. A larger share fills the whole bar. */
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
