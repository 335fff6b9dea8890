/**
 * Reads AutoLogi's file: one item per line, with its prompt and the Python source of its checks.
 * @module
 */

import { excerpt } from '../../grade/verdict.ts';
import { type JsonLine, lineError, readJsonLines } from '../shared/json-lines.ts';
import { answerPart, readAnswer } from './answer.ts';
import { type Checker, createChecker, UnusableChecker } from './checker.ts';

export interface AutoLogiRecord {
  readonly id: string;
  readonly prompt: string;
  /**
   * Background and constraints of the puzzle without the instructions of the prompt; undefined if the file
   * lacks them.
   */
  readonly problem: string | undefined;
  readonly checker: Checker;
}

export interface AutoLogiFile {
  readonly records: readonly AutoLogiRecord[];
  /** Items that are excluded because the interpreter cannot run their checks, with the reasons. */
  readonly leftOut: readonly { readonly id: string; readonly reason: string }[];
}

/** Reads all items of a file. @throws ConfigError naming file and line of a record that lacks a field */
export function readAutoLogi(path: string): AutoLogiFile {
  const records: AutoLogiRecord[] = [];
  const leftOut: { id: string; reason: string }[] = [];
  for (const line of readJsonLines(path)) {
    const id = idOf(line);
    try {
      records.push(readRecord(id, line));
    } catch (error) {
      if (!(error instanceof UnusableChecker)) throw error;
      leftOut.push({ id, reason: error.message });
    }
  }
  return { records, leftOut };
}

function idOf({ fields, source }: JsonLine): string {
  const id = fields.get('id') ?? fields.get('idx');
  return typeof id === 'string' || typeof id === 'number' ? String(id) : `line ${source.line}`;
}

function readRecord(id: string, line: JsonLine): AutoLogiRecord {
  const checker = createChecker({
    inputs: codeOf('Inputs_Check_code', line),
    constraints: codeOf('Constraint_List_code', line),
  });
  tryOut(checker, line);
  const question = line.fields.get('question');
  const problem = typeof question === 'string' && question !== '' ? question : undefined;
  return { id, prompt: textOf('prompt', line.fields.get('prompt'), line), problem, checker };
}

/**
 * Runs the checks on the example answer of an item, to find unsupported features that only appear at run
 * time.
 */
function tryOut(checker: Checker, { fields }: JsonLine): void {
  const example = fields.get('example');
  if (typeof example !== 'string') return;
  const value = readAnswer(answerPart(example) ?? example);
  const check = value === undefined ? undefined : checker.check(value);
  if (check?.kind === 'unverifiable') throw new UnusableChecker(check.reason);
}

function codeOf(name: string, line: JsonLine): string {
  const code = line.fields.get('code');
  const source =
    typeof code === 'object' && code !== null && Object.hasOwn(code, name)
      ? (code as Readonly<Record<string, unknown>>)[name]
      : undefined;
  return textOf(`code.${name}`, source, line);
}

function textOf(name: string, value: unknown, { source }: JsonLine): string {
  if (typeof value === 'string' && value !== '') return value;
  const shown = value === undefined ? 'nothing' : excerpt(JSON.stringify(value), 60);
  throw lineError(source, `expected a text in field "${name}", got ${shown}`);
}
