/**
 * Blocksworld in as few characters as a tiny character model can learn: `cb a>ab:` asks for b on a from b on
 * c and a alone, towers written from the bottom up, and `^bc_ba` does it: `^` lifts a block (off another one,
 * or off the table), `_` sets it down (on another one, or on the table).
 * @module
 */
import type { PlanReading } from '../planning/planbench-words.ts';
import type { Step } from '../planning/strips.ts';
import type { Towers } from './domain.ts';

export const LIFT = '^';
export const SET_DOWN = '_';
/** Between the towers at the start and those to build. */
const TO = '>';
const END_OF_PROMPT = ':';

/** The longest plan read: far more actions than any problem here needs. */
const MAX_ACTIONS = 1000;

/** Characters of prompts and plans beside the names of blocks. */
export const COMPACT_CHARACTERS = `${LIFT}${SET_DOWN}${TO}${END_OF_PROMPT} `;

/** `cb a`: towers one blank apart, blocks from the bottom up. */
export function towersText(towers: Towers): string {
  return towers.map((tower) => tower.join('')).join(' ');
}

/** `cb a>ab:` */
export function compactPrompt({
  start,
  wanted,
}: {
  readonly start: Towers;
  readonly wanted: Towers;
}): string {
  return `${towersText(start)}${TO}${towersText(wanted)}${END_OF_PROMPT}`;
}

/** `^bc_ba` for unstack b from c, stack b on a. */
export function compactPlan(plan: readonly Step[]): string {
  return plan.map(compactStep).join('');
}

function compactStep({ action, objects }: Step): string {
  return `${action === 'pick-up' || action === 'unstack' ? LIFT : SET_DOWN}${objects.join('')}`;
}

/**
 * Reads a compact plan; blanks do not count.
 *
 * @returns the actions, or what is wrong with the text
 */
export function readCompactPlan(text: string): PlanReading {
  const dense = text.replace(/\s+/g, '');
  const parts = dense.match(/[\^_][^^_]*/g) ?? [];
  if (parts.length === 0 || parts.join('') !== dense)
    return { problem: `expected actions that begin with "${LIFT}" or "${SET_DOWN}"` };
  if (parts.length > MAX_ACTIONS)
    return { problem: `expected at most ${MAX_ACTIONS} actions, got ${parts.length}` };
  const wrong = parts.find((part) => !/^[\^_][a-z]{1,2}$/.test(part));
  if (wrong !== undefined)
    return { problem: `expected one or two blocks in an action, got "${wrong.slice(0, 20)}"` };
  return { plan: readSteps(dense) };
}

/** The actions of a text that holds nothing else. */
export function readSteps(text: string): Step[] {
  return (text.match(/[\^_][a-z]+/g) ?? []).map(readStep);
}

function readStep(part: string): Step {
  const objects = [...part.slice(1)];
  const isAlone = objects.length === 1;
  const action = part.startsWith(LIFT) ? (isAlone ? 'pick-up' : 'unstack') : isAlone ? 'put-down' : 'stack';
  return { action, objects };
}
