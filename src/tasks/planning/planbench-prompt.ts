/**
 * Writes and parses PlanBench's prompts. They have the same form in every domain: introduction, one worked
 * example, statement of the problem. The texts are PlanBench's (MIT License, Copyright (c) 2024 Valmeekam
 * Karthik).
 * @module
 */
import type { Fact, Problem, Step } from './strips.ts';

const STATEMENT = '[STATEMENT]';
const INITIAL = 'As initial conditions I have that, ';
const GOAL = 'My goal is to have that ';

/** The whitespace of Python's `str.split()`; JavaScript's `\s` differs in seven characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python splits at \x1c to \x1f
const PYTHON_BLANKS = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** Splits a line into words like Python's `str.split()`. */
export function wordsOf(line: string): string[] {
  return line.split(PYTHON_BLANKS).filter((word) => word !== '');
}

/** `a, b and c` */
export function listed(parts: readonly string[]): string {
  return parts.length < 2
    ? parts.join('')
    : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`;
}

/** A plan read from an answer, or the reason why it could not be read. */
export type PlanReading = { readonly plan: readonly Step[] } | { readonly problem: string };

/** A problem in words; if it is an example, with its plan. */
export interface ProblemInWords {
  readonly initial: string;
  readonly goal: string;
  readonly plan?: readonly string[];
}

/**
 * Writes a whole prompt of PlanBench's task 1.
 *
 * @param example - a worked example with its plan; undefined for the zero-shot prompt
 */
export function planbenchPrompt(
  introduction: string,
  problem: ProblemInWords,
  example: ProblemInWords | undefined,
): string {
  if (example === undefined)
    return `${introduction}\n${statement(problem)}\n\nWhat is the plan to achieve my goal? Just give the actions in the plan.`;
  const ask = '\n\nMy plan is as follows:\n\n[PLAN]';
  return (
    `${introduction}\n${statement(example)}${ask}\n${(example.plan ?? []).join('\n')}\n[PLAN END]\n\n` +
    `${statement(problem)}${ask}`
  );
}

/** Writes the statement of a problem, without the text that all prompts share. */
export function statement({ initial, goal }: ProblemInWords): string {
  return `${STATEMENT}\n${INITIAL}${initial}.\n${GOAL}${goal}.`;
}

/** Returns the last statement of a prompt. */
export function lastStatement(prompt: string): string {
  const from = prompt.slice(prompt.lastIndexOf(STATEMENT));
  return from.slice(0, from.indexOf('.', from.indexOf(GOAL)) + 1);
}

/**
 * Parses the last statement of a prompt.
 *
 * @param readFact - parses one fact in the wording of the domain
 * @returns the problem, or the part that could not be parsed
 */
export function readStatement(
  prompt: string,
  readFact: (text: string) => Fact | undefined,
): { readonly problem: Problem } | { readonly unread: string } {
  const text = prompt.slice(prompt.lastIndexOf(STATEMENT));
  const initial = between(text, INITIAL);
  const goal = between(text, GOAL);
  if (initial === undefined || goal === undefined) return { unread: text.slice(0, 80) };
  const lists = [initial, goal].map((list) =>
    list.split(/, | and /).map((part) => ({ part, fact: readFact(part) })),
  );
  const strange = lists.flat().find(({ fact }) => fact === undefined);
  if (strange !== undefined) return { unread: strange.part };
  const [init, wanted] = lists.map((list) => list.flatMap(({ fact }) => fact ?? []));
  return { problem: { init, goal: wanted } };
}

function between(text: string, from: string): string | undefined {
  const at = text.indexOf(from);
  const end = text.indexOf('.', at);
  return at < 0 || end < 0 ? undefined : text.slice(at + from.length, end);
}
