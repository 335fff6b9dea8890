/**
 * Parses the PDDL problems of PlanBench: `:init` and `:goal` as lists of facts, without types.
 * @module
 */
import type { Fact, Problem } from '../planning/strips.ts';

/** An S-expression: a word, or a bracketed list. */
export type Expression = string | readonly Expression[];

/**
 * Parses one bracketed list; `;` starts a comment, and case is ignored.
 *
 * @returns undefined if the brackets do not match or there is text outside of them
 */
export function readPddl(text: string): Expression | undefined {
  const tokens =
    text
      .replace(/;.*/g, ' ')
      .toLowerCase()
      .match(/[()]|[^\s()]+/g) ?? [];
  const open: Expression[][] = [[]];
  for (const token of tokens) {
    if (token === '(') open.push([]);
    else if (token !== ')') open[open.length - 1].push(token);
    else {
      const closed = open.pop();
      if (closed === undefined || open.length === 0) return undefined;
      open[open.length - 1].push(closed);
    }
  }
  const [whole, ...more] = open[0];
  return open.length === 1 && more.length === 0 && typeof whole === 'object' ? whole : undefined;
}

/** Parses a problem; undefined if the text is not a problem or its goal is not a list of facts. */
export function readPddlProblem(text: string): Problem | undefined {
  const whole = readPddl(text);
  if (whole === undefined) return undefined;
  const init = factsIn(section(whole, ':init'));
  const [goal] = section(whole, ':goal') ?? [];
  const isAll = typeof goal === 'object' && goal[0] === 'and';
  const wanted = factsIn(isAll ? goal.slice(1) : goal === undefined ? undefined : [goal]);
  return init === undefined || wanted === undefined || wanted.length === 0
    ? undefined
    : { init, goal: wanted };
}

/** Returns the items after a keyword in the list that the keyword starts. */
function section(whole: Expression, keyword: string): readonly Expression[] | undefined {
  const found = [...whole].find((part) => typeof part === 'object' && part[0] === keyword);
  return typeof found === 'object' ? found.slice(1) : undefined;
}

function factsIn(list: readonly Expression[] | undefined): Fact[] | undefined {
  const isFact = (part: Expression): part is readonly string[] =>
    typeof part === 'object' &&
    part.length > 0 &&
    part.every((word) => typeof word === 'string') &&
    part[0] !== 'not';
  return list?.every(isFact) ? list.map((fact) => fact.join(' ')) : undefined;
}
