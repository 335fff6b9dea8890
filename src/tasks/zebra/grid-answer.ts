/**
 * Grades answers like ZebraLogic. The last balanced `{...}` of a text is parsed as JSON, and its field
 * `solution` is compared with the gold table cell by cell.
 *
 * Differs from the official code: a cell on which that code raises an error (a number or an object) is wrong.
 * @see WildEval/ZeroEval, src/evaluation/zebra_grid_eval.py and eval_utils.py
 * @module
 */
import { afterThinking } from '../../grade/after-thinking.ts';

/** A solved puzzle as a table: names of the columns, without "House", and one row of values per house. */
export interface GridSolution {
  readonly headers: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface GridVerdict {
  /** Whether the text contains an answer. */
  readonly parsed: boolean;
  readonly solved: boolean;
  readonly correctCells: number;
  readonly totalCells: number;
  /**
   * The table of the answer in lower case, with rows joined by ` | `. Missing cells are empty. Absent if the
   * text has no answer.
   */
  readonly answer?: string;
}

export function gradeGrid({ headers, rows }: GridSolution, text: string): GridVerdict {
  const totalCells = rows.length * headers.length;
  const solution = answeredTable(afterThinking(text));
  if (solution === undefined) return { parsed: false, solved: false, correctCells: 0, totalCells };
  let correctCells = 0;
  const lines: string[] = [];
  for (const [house, row] of rows.entries()) {
    const answered = fieldOf(solution, `House ${house + 1}`);
    const cells = headers.map((header) => cellOf(fieldOf(answered, header)));
    for (const [column, gold] of row.entries())
      if (cells[column] !== undefined && cells[column] === normal(gold)) correctCells++;
    lines.push(cells.map((cell) => cell ?? '').join(', '));
  }
  const solved = correctCells === totalCells;
  return { parsed: true, solved, correctCells, totalCells, answer: lines.join(' | ') };
}

/** Returns the field `solution` of the answer; undefined if there is none. */
function answeredTable(text: string): unknown {
  const json = lastBalanced(text);
  return json === undefined
    ? undefined
    : (fieldOf(parseJson(json.replaceAll('\n', '')), 'solution') ?? undefined);
}

/** Returns the last `{...}` with balanced braces. Braces in strings count too, as in the official code. */
function lastBalanced(text: string): string | undefined {
  let depth = 0;
  let start = 0;
  let last: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{' && depth++ === 0) start = at;
    if (character === '}' && depth > 0 && --depth === 0) last = text.slice(start, at + 1);
  }
  return last;
}

/** Parses JSON like Python, which also accepts NaN and Infinity as numbers. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // retried with 0 in their place, because no valid cell is a number
  }
  try {
    return JSON.parse(
      text.replace(/"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g, (token) =>
        token.startsWith('"') ? token : '0',
      ),
    );
  } catch {
    return undefined;
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

/**
 * Returns a cell in normal form; undefined if it is missing, null, empty or not a string. Only the first item
 * of a list counts.
 */
function cellOf(value: unknown): string | undefined {
  if (value === '') return undefined;
  const cell = Array.isArray(value) ? value[0] : value;
  return typeof cell === 'string' ? normal(cell) : undefined;
}

function normal(cell: string): string {
  return cell.toLowerCase().trim();
}
