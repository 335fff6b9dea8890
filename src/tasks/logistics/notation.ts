/**
 * The compact notation of Logistics for tiny character-level models. `Ab.b Cd.C 1C pb>d:` has two cities:
 * `Ab` with its truck at `b`, and `Cd` with its truck at `C`. Capital letters are airports. Airplane 1 is at
 * `C`; package p is at `b`, and its goal is `d`. In plans, `+ptb` loads p into the truck at b, `-p1A` unloads
 * it from airplane 1 at A, `tbA` drives the truck from b to A, and `1AC` flies airplane 1 from A to C. Plans
 * are parsed regardless of the case of places.
 * @module
 */
import type { PlanReading } from '../planning/planbench-prompt.ts';
import type { Step } from '../planning/strips.ts';
import { type Layout, placeName } from './puzzle.ts';

/**
 * Maximum numbers of places, packages and airplanes. Places are letters from `a` on, packages letters from
 * `p` on, airplanes digits from 1 on.
 */
export const MAX_PLACES = 12;
export const MAX_PACKAGES = 6;
export const MAX_AIRPLANES = 5;
const PACKAGES = 'pqrstu';

/** Maximum number of actions of a plan, far more than any problem needs. */
const MAX_ACTIONS = 1000;

/** The characters of prompts and plans. */
export const COMPACT_CHARACTERS = 'abcdefghijklABCDEFGHIJKL12345pqrstu+-.>: ';

/** Returns the letter of a place, e.g. `b`; it is a capital letter for an airport. */
export function placeLetter(place: number, locations: number): string {
  const letter = String.fromCharCode('a'.charCodeAt(0) + place);
  return place % locations === 0 ? letter.toUpperCase() : letter;
}

/** The letter of a package. */
export function packageLetter(index: number): string {
  return PACKAGES[index];
}

/** `Ab.b Cd.C 1C pb>d:` */
export function compactPrompt({ locations, trucks, airplanes, packages }: Layout): string {
  const letter = (place: number): string => placeLetter(place, locations);
  const cities = trucks.map((truck, city) => {
    const places = Array.from({ length: locations }, (_, at) => letter(city * locations + at));
    return `${places.join('')}.${letter(truck)}`;
  });
  const planes = airplanes.map((at, index) => `${index + 1}${letter(at)}`);
  const wishes = packages.map(
    ({ from, to }, index) => `${packageLetter(index)}${letter(from)}>${letter(to)}`,
  );
  return `${[...cities, ...planes, ...wishes].join(' ')}:`;
}

/** Writes a plan, e.g. `tbA+ptb`. */
export function compactPlan(steps: readonly Step[], { locations }: Pick<Layout, 'locations'>): string {
  return steps.map((step) => compactStep(step, locations)).join('');
}

function compactStep({ action, objects }: Step, locations: number): string {
  const short = objects.slice(0, 3).map((object) => {
    const [number, at] = object.slice(1).split('-').map(Number);
    if (object.startsWith('l')) return placeLetter(number * locations + at, locations);
    if (object.startsWith('p')) return packageLetter(number);
    return object.startsWith('a') ? String(number + 1) : 't';
  });
  return `${action.startsWith('load') ? '+' : action.startsWith('unload') ? '-' : ''}${short.join('')}`;
}

const STEP = /[+-]([p-u])(t|[1-9])([a-lA-L])|(t|[1-9])([a-lA-L])([a-lA-L])/g;

/**
 * Parses a compact plan; whitespace is ignored. `t` is the truck of the city of the place; for a drive, the
 * truck of the city of the place from which it drives.
 *
 * @returns the actions, or a description of the error in the text
 */
export function readCompactPlan(text: string, { locations }: Pick<Layout, 'locations'>): PlanReading {
  const dense = text.replace(/\s+/g, '');
  const found = [...dense.matchAll(STEP)];
  if (found.length === 0 || found.map(([whole]) => whole).join('') !== dense)
    return { problem: 'expected actions such as "+ptb", "-p1A", "tbA" or "1AC"' };
  if (found.length > MAX_ACTIONS)
    return { problem: `expected at most ${MAX_ACTIONS} actions, got ${found.length}` };
  return { plan: found.map((match) => readStep(match, locations)) };
}

function readStep([whole, load, inside, here, vehicle, from, to]: RegExpExecArray, locations: number): Step {
  const place = (letter: string): number => letter.toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0);
  const name = (letter: string): string => placeName(place(letter), locations);
  const city = (letter: string): number => Math.floor(place(letter) / locations);
  const vehicleName = (letter: string, near: string): string =>
    letter === 't' ? `t${city(near)}` : `a${Number(letter) - 1}`;
  if (load !== undefined) {
    const verb = whole.startsWith('+') ? 'load' : 'unload';
    const objects = [`p${PACKAGES.indexOf(load)}`, vehicleName(inside, here), name(here)];
    return { action: `${verb}-${inside === 't' ? 'truck' : 'airplane'}`, objects };
  }
  const way = [vehicleName(vehicle, from), name(from), name(to)];
  return vehicle === 't'
    ? { action: 'drive-truck', objects: [...way, `c${city(from)}`] }
    : { action: 'fly-airplane', objects: way };
}
