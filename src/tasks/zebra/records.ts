/**
 * Reads ZebraLogic's file, which has one puzzle per line. A solution that is missing in the file is computed.
 * @module
 */

import { excerpt } from '../../grade/verdict.ts';
import { type JsonLine, lineError, readJsonLines, type SourceLine } from '../shared/json-lines.ts';
import type { GridSolution } from './grid-answer.ts';
import { tableRows } from './official-prompt.ts';
import { readPuzzle, UnreadablePuzzle } from './official-text.ts';
import type { ZebraPuzzle } from './puzzle.ts';
import { solve } from './solver.ts';

export interface ZebraLogicRecord {
  readonly source: SourceLine;
  readonly id: string;
  /** The text as published. */
  readonly puzzle: string;
  readonly gold: GridSolution;
}

/** Placeholder in the cells of solutions that the authors of the benchmark withhold. */
const WITHHELD = '___';

/** A line of the file. A missing solution is computed when it is requested. */
export interface ZebraLogicLine {
  readonly id: string;
  readonly puzzle: string;
  /** The solution in the record, which may be incomplete; undefined if the record has none. */
  readonly given: GivenTable | undefined;
  /**
   * Returns the solution in the record if it is complete, else a computed one. @throws ConfigError if neither
   * exists
   */
  gold(): GridSolution;
}

export interface GivenTable extends GridSolution {
  /** Whether no cell is withheld. */
  readonly isComplete: boolean;
}

/**
 * Reads all puzzles of a file with their solutions.
 *
 * @throws ConfigError naming file and line of a record without a puzzle, with a solution that is not a table,
 *   or without a solution if none can be computed
 */
export function readZebraLogic(path: string): ZebraLogicRecord[] {
  return readJsonLines(path).map((line) => {
    const { id, puzzle, gold } = readZebraLogicLine(line);
    return { source: line.source, id, puzzle, gold: gold() };
  });
}

/**
 * Reads one line of the file.
 *
 * @throws ConfigError naming file and line of a record without a puzzle or with a solution that is not a
 *   table
 */
export function readZebraLogicLine({ source, fields }: JsonLine): ZebraLogicLine {
  const [id, puzzle] = ['id', 'puzzle'].map((name) => {
    const value = fields.get(name);
    if (typeof value === 'string' && value !== '') return value;
    throw lineError(source, `expected a text in field "${name}", got ${shown(value)}`);
  }) as [string, string];
  const given = givenTable(fields.get('solution'), source);
  return {
    id,
    puzzle,
    given,
    gold: () => (given?.isComplete ? given : computedTable(puzzle, given?.headers, source)),
  };
}

/** Returns the solution in a record; undefined if there is none. */
function givenTable(solution: unknown, source: SourceLine): GivenTable | undefined {
  if (solution === undefined || solution === null) return undefined;
  const { header, rows } = solution as { readonly header?: unknown; readonly rows?: unknown };
  if (!isTexts(header) || header[0] !== 'House' || header.length < 2 || !Array.isArray(rows))
    throw lineError(
      source,
      `expected a solution with header ["House", ...] and rows, got ${shown(solution)}`,
    );
  if (rows.length === 0 || !rows.every((row) => isTexts(row) && row.length === header.length))
    throw lineError(source, `expected rows with ${header.length} texts, got ${shown(rows)}`);
  const cells = (rows as readonly string[][]).map((row) => row.slice(1));
  const isComplete = cells.every((row) => row.every((cell) => cell !== WITHHELD && cell.trim() !== ''));
  return { headers: header.slice(1), rows: cells, isComplete };
}

function computedTable(
  text: string,
  headers: readonly string[] | undefined,
  source: SourceLine,
): GridSolution {
  const puzzle = readOrRefuse(text, headers, source);
  const { found } = solve(puzzle);
  const [house] = found;
  if (house === undefined || found.length > 1)
    throw lineError(
      source,
      `expected a puzzle with one solution, got ${house ? 'several' : 'none'}; give its "solution"`,
    );
  return { headers: puzzle.columns.map(({ header }) => header), rows: tableRows(puzzle, house) };
}

function readOrRefuse(text: string, headers: readonly string[] | undefined, source: SourceLine): ZebraPuzzle {
  try {
    return readPuzzle(text, headers);
  } catch (error) {
    if (!(error instanceof UnreadablePuzzle)) throw error;
    throw lineError(source, `${error.message}; give its "solution"`, error);
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : excerpt(JSON.stringify(value), 60);
}
