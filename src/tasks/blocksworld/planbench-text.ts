/**
 * Blocksworld in PlanBench's wording: writes statements and plans, and parses answers like the official
 * evaluator. The texts are PlanBench's (MIT License, Copyright (c) 2024 Valmeekam Karthik).
 *
 * Differs from the official code: the text before `</think>` is ignored. As in the official code, the text
 * after `[PLAN END]` and after `[COST]` is parsed too, because that code searches for `[COST]` in a text in
 * lower case.
 * @see https://github.com/karthikv792/LLMs-Planning, plan-bench/utils/text_to_pddl.py
 * @module
 */
import { afterThinking } from '../../grade/after-thinking.ts';
import { listed, wordsOf } from '../planning/planbench-prompt.ts';
import type { Fact, Problem, Step } from '../planning/strips.ts';
import { BLOCKSWORLD } from './domain.ts';

/** Colours of PlanBench's blocks with the letters `a` to `l`. */
export const COLOURS: readonly string[] =
  'red blue orange yellow white magenta black cyan green violet silver gold'.split(' ');

/** PlanBench's text before the first statement. */
export const BLOCKSWORLD_INTRODUCTION = `I am playing with a set of blocks where I need to arrange the blocks into stacks. Here are the actions I can do

Pick up a block
Unstack a block from on top of another block
Put down a block
Stack a block on top of another block

I have the following restrictions on my actions:
I can only pick up or unstack one block at a time.
I can only pick up or unstack a block if my hand is empty.
I can only pick up a block if the block is on the table and the block is clear. A block is clear if the block has no other blocks on top of it and if the block is not picked up.
I can only unstack a block from on top of another block if the block I am unstacking was really on top of the other block.
I can only unstack a block from on top of another block if the block I am unstacking is clear.
Once I pick up or unstack a block, I am holding the block.
I can only put down a block that I am holding.
I can only stack a block on top of another block if I am holding the block being stacked.
I can only stack a block on top of another block if the block onto which I am stacking the block is clear.
Once I put down or stack a block, my hand becomes empty.
Once you stack a block on top of a second block, the second block is no longer clear.
`;

/** Returns the colour of the block with a letter. */
export function colourOf(block: string): string {
  return COLOURS[block.charCodeAt(0) - 'a'.charCodeAt(0)];
}

/** Replaces the letters of a problem by colours. The facts are sorted by letter, as PlanBench lists them. */
export function coloured({ init, goal }: Problem): Problem {
  const paint = (facts: readonly Fact[]): Fact[] =>
    [...facts].sort().map((fact) =>
      fact
        .split(' ')
        .map((word, at) => (at === 0 ? word : colourOf(word)))
        .join(' '),
    );
  return { init: paint(init), goal: paint(goal) };
}

/** Replaces the letters of a plan by colours. */
export function colouredPlan(plan: readonly Step[]): Step[] {
  return plan.map(({ action, objects }) => ({ action, objects: objects.map(colourOf) }));
}

/** Writes actions in words, e.g. `unstack the blue block from on top of the orange block`. */
export function planLines(plan: readonly Step[]): string[] {
  return plan.map(({ action, objects }) => {
    const [block, under] = objects.map((name) => `the ${name} block`);
    const place = action === 'stack' ? ' on top of ' : action === 'unstack' ? ' from on top of ' : '';
    return `${action.replace('-', ' ')} ${block}${place}${place === '' ? '' : under}`;
  });
}

/** Writes facts in words: `the red block is clear, the hand is empty and the red block is on the table`. */
export function factsText(facts: readonly Fact[]): string {
  return listed(
    facts.map((fact) => {
      const [predicate, block, under] = fact.split(' ');
      if (predicate === 'handempty') return 'the hand is empty';
      if (predicate === 'on') return `the ${block} block is on top of the ${under} block`;
      return `the ${block} block is ${predicate === 'clear' ? 'clear' : 'on the table'}`;
    }),
  );
}

/** Parses a fact in PlanBench's wording, e.g. `the red block is clear`; undefined for other texts. */
export function readFact(text: string): Fact | undefined {
  if (text === 'the hand is empty') return 'handempty';
  const { block, under, state } =
    /^the (?<block>\w+) block is (?:on top of the (?<under>\w+) block|(?<state>clear|on the table))$/.exec(
      text,
    )?.groups ?? {};
  if (block === undefined) return undefined;
  if (under !== undefined) return `on ${block} ${under}`;
  return `${state === 'clear' ? 'clear' : 'ontable'} ${block}`;
}

/**
 * Parses the plan of an answer line by line. The action of a line is the first of pick-up, put-down, stack
 * and unstack that occurs in it as a word. The blocks of the action are in the order of their first mention
 * in the line. A line without an action or with a wrong number of blocks is skipped.
 */
export function readPlan(answer: string): Step[] {
  const text = afterThinking(answer)
    .toLowerCase()
    .replaceAll('pick up', 'pick-up')
    .replaceAll('put down', 'put-down');
  return text.split('\n').flatMap((line) => {
    const words = wordsOf(line);
    const action = BLOCKSWORLD.actions.find(({ name }) => words.includes(name));
    if (action === undefined) return [];
    const objects = COLOURS.map((name) => ({ name, at: line.indexOf(`${name} block`) }))
      .filter(({ at }) => at >= 0)
      .sort((one, other) => one.at - other.at)
      .map(({ name }) => name);
    return objects.length === action.parameters.length ? [{ action: action.name, objects }] : [];
  });
}
