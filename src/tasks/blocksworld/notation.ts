/**
 * The compact notation of Blocksworld for tiny character-level models. A tower is written from the bottom up.
 * In `cb a>ab:` b is on c, a is on the table, and the goal is b on a. The plan `^bc_ba` reaches the goal: `^`
 * lifts a block (from another block or from the table), `_` sets it down (on another block or on the table).
 * @module
 */
import type { PlanReading } from '../planning/planbench-prompt.ts';
import type { Step } from '../planning/strips.ts';
import type { Towers } from './domain.ts';

export const LIFT = '^';
export const SET_DOWN = '_';
/** Character between the initial towers and the towers of the goal. */
const TO = '>';
const END_OF_PROMPT = ':';

/** Maximum number of actions of a plan, far more than any problem needs. */
const MAX_ACTIONS = 1000;

/** All characters of prompts and plans, except the names of blocks. */
export const COMPACT_CHARACTERS = `${LIFT}${SET_DOWN}${TO}${END_OF_PROMPT} `;

/** Writes towers separated by spaces, each from the bottom up, e.g. `cb a`. */
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

/** Writes a plan, e.g. `^bc_ba` for unstack b from c, stack b on a. */
export function compactPlan(plan: readonly Step[]): string {
  return plan.map(compactStep).join('');
}

function compactStep({ action, objects }: Step): string {
  return `${action === 'pick-up' || action === 'unstack' ? LIFT : SET_DOWN}${objects.join('')}`;
}

/**
 * Parses a compact plan; whitespace is ignored.
 *
 * @returns the actions, or a description of the error in the text
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

/** Parses a text that consists only of actions. */
export function readSteps(text: string): Step[] {
  return (text.match(/[\^_][a-z]+/g) ?? []).map(readStep);
}

function readStep(part: string): Step {
  const objects = [...part.slice(1)];
  const isAlone = objects.length === 1;
  const action = part.startsWith(LIFT) ? (isAlone ? 'pick-up' : 'unstack') : isAlone ? 'put-down' : 'stack';
  return { action, objects };
}
