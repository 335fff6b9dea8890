/**
 * Finds the answer in a model's output and parses it, like AutoLogi's own evaluation.
 * @see 8188zq/AutoLogi, evaluation/eval.py
 * @module
 */
import { Budget } from '../../grade/python/budget.ts';
import { keyOf } from '../../grade/python/compare.ts';
import {
  LimitExceeded,
  PythonError,
  PythonSyntaxError,
  UnsupportedFeature,
} from '../../grade/python/errors.ts';
import { readLiteral } from '../../grade/python/literal.ts';
import { repr } from '../../grade/python/repr.ts';
import { PyDict, PyList, PySet, PyTuple, type Value } from '../../grade/python/value.ts';

/**
 * Returns the part of a text that is the answer: the last fenced block, else the last `{...}`, else the last
 * `[...]`; undefined if there is none.
 */
export function answerPart(text: string): string | undefined {
  return lastFenced(text) ?? lastBraces(text) ?? lastBrackets(text);
}

/**
 * Returns the content of the last fenced block. As in the official code, a block starts with three backticks,
 * an optional word and a line end, and extends to the next three backticks.
 */
function lastFenced(text: string): string | undefined {
  let last: string | undefined;
  const opening = /```(?:\s*\w+)?\s*\n/g;
  for (let match = opening.exec(text); match; match = opening.exec(text)) {
    const end = text.indexOf('```', opening.lastIndex);
    if (end < 0) break;
    last = text.slice(opening.lastIndex, end);
    opening.lastIndex = end + 3;
  }
  return last;
}

function lastBraces(text: string): string | undefined {
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

/**
 * Returns the last `[...]`. It ends at its first closing bracket, because the official pattern cuts nested
 * lists there.
 */
function lastBrackets(text: string): string | undefined {
  let last: string | undefined;
  for (let start = text.indexOf('['); start >= 0; ) {
    const end = text.indexOf(']', start);
    if (end < 0) break;
    last = text.slice(start, end + 1);
    start = text.indexOf('[', end);
  }
  return last;
}

/**
 * Parses an answer as a Python literal. If this fails, parses the text after the first `=` as a Python
 * literal, or a text without `=` as JSON. Returns undefined if no attempt succeeds.
 */
export function readAnswer(part: string): Value | undefined {
  const source = part.replace(/\/\/.*?\n/g, '');
  const plain = attempt(() => literal(source.replaceAll('true', 'True').replaceAll('false', 'False')));
  if (plain !== undefined) return plain;
  const at = source.indexOf('=');
  return attempt(() => (at >= 0 ? literal(source.slice(at + 1).trim()) : json(source)));
}

const literal = (source: string): Value => readLiteral(source, new Budget());

const JSON_NAMES = new Map<string, Value>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/**
 * Parses JSON. The text is read as a Python literal in which JSON's names have a value, because JSON.parse
 * does not distinguish integers and floats.
 */
function json(source: string): Value {
  JSON.parse(source);
  return readLiteral(
    source.replace(/\\(.)/gs, (all, next) => (next === '/' ? '/' : all)).trim(),
    new Budget(),
    JSON_NAMES,
  );
}

function attempt(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    const isRefusal = [
      SyntaxError,
      RangeError,
      PythonSyntaxError,
      PythonError,
      UnsupportedFeature,
      LimitExceeded,
    ].some((type) => error instanceof type);
    if (isRefusal) return undefined;
    throw error;
  }
}

/** Returns the normal form of a value, on which votes are counted. Equal values have the same normal form. */
export function normalAnswer(value: Value): string {
  return repr(ordered(value, new Budget()), new Budget()).slice(0, 10_000);
}

/** Copies a value, with its sets and dictionaries sorted by key. */
function ordered(value: Value, budget: Budget): Value {
  const inner = (part: Value): Value => ordered(part, budget);
  if (value instanceof PyList) return new PyList(value.items.map(inner));
  if (value instanceof PyTuple) return new PyTuple(value.items.map(inner));
  if (value instanceof PySet) return new PySet(new Map([...value.members].sort(byKey)), value.frozen);
  if (!(value instanceof PyDict)) return value;
  const entries = [...value.entries].sort(byKey);
  return new PyDict(new Map(entries.map(([, [key, one]]) => [keyOf(key, budget), [key, inner(one)]])));
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : Number(left > right);
}
