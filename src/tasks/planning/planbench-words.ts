/**
 * The frame of PlanBench's prompts, the same for every domain: introduction, one worked example, the statement.
 * The texts are PlanBench's (MIT License, Copyright (c) 2024 Valmeekam Karthik).
 * @module
 */
import type { Fact, Problem, Step } from './strips.ts';

const STATEMENT = '[STATEMENT]';
const INITIAL = 'As initial conditions I have that, ';
const GOAL = 'My goal is to have that ';

/** What Python's `str.split()` takes for blanks; JavaScript's `\s` differs in seven characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python splits at \x1c to \x1f
const PYTHON_BLANKS = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** The words of a line, as Python splits it. */
export function wordsOf(line: string): string[] {
  return line.split(PYTHON_BLANKS).filter((word) => word !== '');
}

/** `a, b and c` */
export function listed(parts: readonly string[]): string {
  return parts.length < 2
    ? parts.join('')
    : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`;
}

/** A plan read from an answer, or why none could be. */
export type PlanReading = { readonly plan: readonly Step[] } | { readonly problem: string };

/** A problem in words and, for an example, its plan. */
export interface Stated {
  readonly initial: string;
  readonly goal: string;
  readonly plan?: readonly string[];
}

/**
 * A whole prompt, as in PlanBench's task 1.
 *
 * @param example - shown first, with its plan; undefined: the zero-shot prompt
 */
export function planbenchPrompt(introduction: string, stated: Stated, example: Stated | undefined): string {
  if (example === undefined)
    return `${introduction}\n${statement(stated)}\n\nWhat is the plan to achieve my goal? Just give the actions in the plan.`;
  const ask = '\n\nMy plan is as follows:\n\n[PLAN]';
  return (
    `${introduction}\n${statement(example)}${ask}\n${(example.plan ?? []).join('\n')}\n[PLAN END]\n\n` +
    `${statement(stated)}${ask}`
  );
}

/** The words of a problem without what all prompts share. */
export function statement({ initial, goal }: Stated): string {
  return `${STATEMENT}\n${INITIAL}${initial}.\n${GOAL}${goal}.`;
}

/** The last statement of a prompt. */
export function lastStatement(prompt: string): string {
  const from = prompt.slice(prompt.lastIndexOf(STATEMENT));
  return from.slice(0, from.indexOf('.', from.indexOf(GOAL)) + 1);
}

/**
 * Reads the last statement of a prompt back into a problem.
 *
 * @param readFact - a domain's reader of one fact in words
 * @returns the problem, or the part that could not be read
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
