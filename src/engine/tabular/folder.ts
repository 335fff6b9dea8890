/**
 * A tabular model as a folder of two JSON files: `tabular.json` (vocabulary and logits) and `optimizer.json`
 * (AdamW's moments). Numbers are written in their shortest exact form and rows keep their order, so training
 * continues bit for bit after a reload.
 * @module
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../../support/errors.ts';
import { LogitTable, type TablePrior } from './table.ts';

const FORMAT = 'troupe-tabular-1';

/** Content of a folder. */
export interface TabularFolder {
  readonly alphabet: string;
  readonly maxContext: number;
  readonly table: LogitTable;
}

type Rows = readonly (readonly number[])[];

interface WeightsFile {
  readonly format: string;
  readonly alphabet: string;
  readonly maxContext: number;
  readonly prior: TablePrior;
  /** Key of each row's state; see `stateKey`. */
  readonly states: readonly string[];
  readonly logits: Rows;
}

interface OptimizerFile {
  readonly steps: number;
  readonly m: Rows;
  readonly v: Rows;
}

/** Writes both files; creates the folder if it does not exist. */
export async function writeTabularFolder(
  dir: string,
  { alphabet, maxContext, table }: TabularFolder,
): Promise<void> {
  const weights: WeightsFile = {
    format: FORMAT,
    alphabet,
    maxContext,
    prior: table.prior,
    states: [...table.keys()],
    logits: rowsOf(table, table.logits),
  };
  const optimizer: OptimizerFile = {
    steps: table.steps,
    m: rowsOf(table, table.m),
    v: rowsOf(table, table.v),
  };
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, 'tabular.json'), `${JSON.stringify(weights)}\n`);
  await writeFile(path.join(dir, 'optimizer.json'), `${JSON.stringify(optimizer)}\n`);
}

/**
 * Reads a folder that {@link writeTabularFolder} wrote.
 *
 * @param withOptimizer - also read AdamW's state
 * @throws EngineError if a file is missing or has another format
 */
export async function readTabularFolder(dir: string, withOptimizer: boolean): Promise<TabularFolder> {
  const weights = await readJson<WeightsFile>(path.join(dir, 'tabular.json'));
  if (weights.format !== FORMAT)
    throw new EngineError(
      `${path.join(dir, 'tabular.json')}: expected format "${FORMAT}", got ${JSON.stringify(weights.format)}`,
    );
  const { alphabet, maxContext, prior } = weights;
  const table = new LogitTable([...alphabet].length + 1, prior);
  const optimizer = withOptimizer
    ? await readJson<OptimizerFile>(path.join(dir, 'optimizer.json'))
    : undefined;
  table.steps = optimizer?.steps ?? 0;
  for (const state of weights.states) table.ensureRow(state);
  fill(table.logits, weights.logits, { dir, name: 'logits' });
  if (optimizer !== undefined) {
    fill(table.m, optimizer.m, { dir, name: 'm' });
    fill(table.v, optimizer.v, { dir, name: 'v' });
  }
  return { alphabet, maxContext, table };
}

function rowsOf({ size, vocabSize }: LogitTable, values: Float64Array): Rows {
  return Array.from({ length: size }, (_, row) =>
    Array.from(values.subarray(row * vocabSize, (row + 1) * vocabSize)),
  );
}

function fill(
  target: Float64Array,
  rows: Rows,
  { dir, name }: { readonly dir: string; readonly name: string },
): void {
  const values = rows.flat();
  if (values.length !== target.length)
    throw new EngineError(
      `${dir}: expected ${target.length} numbers in "${name}", got ${values.length}; the folder is damaged`,
    );
  target.set(values);
}

async function readJson<T>(file: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T; // the caller checks the field `format`
  } catch (cause) {
    throw new EngineError(`${file}: expected a readable JSON file, got ${String(cause)}`, { cause });
  }
}
