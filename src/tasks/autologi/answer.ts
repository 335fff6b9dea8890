/**
 * Finds the answer in a model's text and reads it, in the order of AutoLogi's own evaluation.
 * @see 8188zq/AutoLogi, evaluation/eval.py
 * @module
 */
import { Budget } from '../../grade/python/budget.ts';
import { keyOf } from '../../grade/python/compare.ts';
import { LimitReached, PythonSyntaxError, Raised, Unsupported } from '../../grade/python/errors.ts';
import { readLiteral } from '../../grade/python/literal.ts';
import { repr } from '../../grade/python/text.ts';
import { PyDict, PyList, PySet, PyTuple, type Value } from '../../grade/python/value.ts';

/** The part of a text that is the answer: the last fenced block, else the last `{...}`, else the last `[...]`. */
export function answerPart(text: string): string | undefined {
  return lastFenced(text) ?? lastBraces(text) ?? lastBrackets(text);
}

/** Official: three backticks, a word perhaps, a line end; then up to the next three backticks. */
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

/** Up to the first closing bracket: the official pattern cuts nested lists short. */
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
 * The value that an answer writes, as a Python literal, what follows its first `=`, or JSON; undefined if it is
 * none of these.
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

/** JSON, told apart into integers and floats: text that is JSON is read as a literal with JSON's names. */
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
    const isRefusal = [SyntaxError, RangeError, PythonSyntaxError, Raised, Unsupported, LimitReached].some(
      (type) => error instanceof type,
    );
    if (isRefusal) return undefined;
    throw error;
  }
}

/** The value in normal form, for votes: what is equal is written the same. */
export function normalAnswer(value: Value): string {
  return repr(ordered(value, new Budget()), new Budget()).slice(0, 10_000);
}

/** A copy whose sets and dictionaries are in order of their keys. */
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
