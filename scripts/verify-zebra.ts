/**
 * `npm run verify-zebra -- FILE...`: compares the grading and solving of ZebraLogic puzzles with the published results.
 *
 * * Lines with an `output` (and the `id` of its puzzle) are graded. Each grade that differs from the `expected`
 *   {`parsed`, `correct_cells`, `total_cells`, `solved`} of the line is listed. The puzzles are searched in the files
 *   on the command line and then in the JSON-lines files in the same folders. The last lines are the accuracies and
 *   `N agree, M disagree`.
 * * Puzzles are solved; the last line is `N of M solved uniquely`. A solution that differs from the one in the file is
 *   listed and not counted.
 *
 * Exit code 0 if the files were processed; the results do not change it. Exit code 2 if one cannot be used.
 * @module
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type JsonLine, readJsonLines } from '../src/tasks/shared/json-lines.ts';
import { type GridSolution, gradeGrid } from '../src/tasks/zebra/grid-answer.ts';
import { tableRows } from '../src/tasks/zebra/official-prompt.ts';
import { readPuzzle } from '../src/tasks/zebra/official-text.ts';
import { readZebraLogicLine } from '../src/tasks/zebra/records.ts';
import { solve } from '../src/tasks/zebra/solver.ts';
import { assertFile } from './named-file.ts';

class UsageError extends Error {}

function main(paths: readonly string[]): number {
  try {
    if (paths.length === 0 || paths.some((path) => path.startsWith('-')))
      throw new UsageError('expected names of JSON-lines files');
    for (const path of paths) assertFile(path);
    const lines = paths.flatMap(readJsonLines);
    const outputs = lines.filter(({ fields }) => fields.has('output'));
    if (outputs.length < lines.length) solveAll(lines.filter(({ fields }) => !fields.has('output')));
    if (outputs.length > 0) gradeAll(outputs, lines);
    return 0;
  } catch (error) {
    console.error(`verify-zebra: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

function solveAll(lines: readonly JsonLine[]): void {
  let solved = 0;
  for (const line of lines) {
    const { id, puzzle: text, given } = readZebraLogicLine(line);
    const puzzle = readPuzzle(text, given?.headers);
    const { found } = solve(puzzle);
    const rows = found[0] === undefined ? undefined : tableRows(puzzle, found[0]);
    if (rows === undefined || found.length > 1)
      console.log(`${id}: ${rows ? 'several solutions' : 'no solution'}`);
    else if (given?.isComplete && JSON.stringify(rows) !== JSON.stringify(given.rows))
      console.log(`${id}: expected ${JSON.stringify(given.rows)}, got ${JSON.stringify(rows)}`);
    else solved++;
  }
  console.log(`${solved} of ${lines.length} solved uniquely`);
}

function gradeAll(outputs: readonly JsonLine[], named: readonly JsonLine[]): void {
  const golds = findGolds(outputs, named);
  const total = { agree: 0, solved: 0, correctCells: 0, totalCells: 0 };
  for (const { source, fields } of outputs) {
    const id = String(fields.get('id'));
    const gold = golds.get(id);
    const output = fields.get('output');
    if (!gold)
      throw new UsageError(`${source.path}:${source.line}: expected the puzzle of "${id}", got none`);
    if (typeof output !== 'string')
      throw new UsageError(
        `${source.path}:${source.line}: expected a text in "output", got ${typeof output}`,
      );
    const { parsed, solved, correctCells, totalCells } = gradeGrid(gold, output);
    const got = { parsed, correct_cells: correctCells, total_cells: totalCells, solved };
    const differences = differencesOf(fields.get('expected'), got);
    if (differences.length > 0) console.log(`line ${source.line} ${id}: ${differences.join('; ')}`);
    else total.agree++;
    total.solved += Number(solved);
    total.correctCells += correctCells;
    total.totalCells += totalCells;
  }
  const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)}%`;
  console.log(
    `puzzle accuracy ${share(total.solved, outputs.length)}, ` +
      `cell accuracy ${share(total.correctCells, total.totalCells)}`,
  );
  console.log(`${total.agree} agree, ${outputs.length - total.agree} disagree`);
}

function differencesOf(expected: unknown, got: Readonly<Record<string, unknown>>): string[] {
  const fields = Object.entries(expected ?? {});
  if (fields.length === 0) return ['expected a verdict in "expected", got none'];
  return fields.flatMap(([name, value]) =>
    got[name] === value
      ? []
      : [`${name}: expected ${JSON.stringify(value)}, got ${JSON.stringify(got[name])}`],
  );
}

/** Finds the solutions of the puzzles to which the outputs belong. */
function findGolds(outputs: readonly JsonLine[], named: readonly JsonLine[]): Map<string, GridSolution> {
  const wanted = new Set(outputs.map(({ fields }) => String(fields.get('id'))));
  const golds = new Map<string, GridSolution>();
  const take = (lines: readonly JsonLine[]): void => {
    for (const line of lines) {
      const id = String(line.fields.get('id'));
      if (line.fields.has('puzzle') && wanted.has(id) && !golds.has(id))
        golds.set(id, readZebraLogicLine(line).gold());
    }
  };
  take(named);
  for (const folder of new Set(outputs.map(({ source }) => dirname(source.path))))
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.jsonl')))
      if (golds.size < wanted.size) take(readJsonLines(join(folder, name)));
  return golds;
}

process.exitCode = main(process.argv.slice(2));
