/**
 * Logistics in PlanBench's wording: writes statements and plans, and parses answers like the official
 * evaluator. The texts are PlanBench's (MIT License, Copyright (c) 2024 Valmeekam Karthik).
 *
 * Differs from the official code: the text before `</think>` is ignored. As in the official code, the text
 * after `[PLAN END]` and after `[COST]` is parsed too, because that code searches for `[COST]` in a text in
 * lower case.
 * @see https://github.com/karthikv792/LLMs-Planning, plan-bench/utils/text_to_pddl.py
 * @module
 */
import { afterThinking } from '../../grade/after-thinking.ts';
import { excerpt } from '../../grade/verdict.ts';
import { listed, type PlanReading, wordsOf } from '../planning/planbench-prompt.ts';
import type { Fact, Step } from '../planning/strips.ts';

/** PlanBench's text before the first statement, including its trailing spaces. */
export const LOGISTICS_INTRODUCTION = `I have to plan logistics to transport packages within cities via trucks and between cities via airplanes. Locations within a city are directly connected (trucks can move between any two such locations), and so are the cities. In each city there is exactly one truck and each city has one location that serves as an airport.
Here are the actions that can be performed:

Load a package into a truck. For example, load package_1 into truck_1 at location_1_1.
Load a package into an airplane. For example, load package_1 into airplane_1 at location_1_1.
Unload a package from a truck. For example, unload package_1 from truck_1 at location_1_1.
Unload a package from an airplane. For example, unload package_1 from airplane_1 at location_1_1.
Drive a truck from one location to another location. For example, drive truck_1 from location_1_1 to location_1_2 in city_1.
Fly an airplane from one city to another city. For example, fly airplane_1 from location_1_1 to location_2_1. Here location_1_1 is the airport in city_1 and location_2_1 is the airport in city_2.

The following are the restrictions on the actions:
A package can be loaded into a truck only if the package and the truck are in the same location.
Once a package is loaded into a truck, the package is not at the location and is in the truck.   
A package can be loaded into an airplane only if the package and the airplane are in the same location.
Once a package is loaded into an airplane, the package is not at the location and is in the airplane.
A package can be unloaded from a truck only if the package is in the truck.
Once a package is unloaded from a truck, the package is not in the truck and is at the location of the truck.
A package can be unloaded from an airplane only if the package in the airplane.
Once a package is unloaded from an airplane, the package is not in the airplane and is at the location of the airplane.   
A truck can be driven from one location to another if the truck is at the from-location and both from-location and to-location are locations in the same city.
Once a truck is driven from one location to another, it is not at the from-location and is at the to-location.
An airplane can be flown from one city to another if the from-location and the to-location are airports and the airplane is at the from-location.
Once an airplane is flown from one city to another the airplane is not at the from-location and is at the to-location.
`;

const WORDS: Readonly<Record<string, string>> = {
  p: 'package',
  t: 'truck',
  a: 'airplane',
  l: 'location',
  c: 'city',
};

/** `l0-1` -> `location_0_1` */
export function longName(object: string): string {
  return `${WORDS[object.charAt(0)]}_${object.slice(1).replace('-', '_')}`;
}

/**
 * Shortens the name of an object, e.g. `location_0_1` to `l0-1`: the first letter, then the text after the
 * first underscore with hyphens.
 */
function shortName(word: string): string {
  return `${[...word][0]}${word.split('_').slice(1).join('-')}`;
}

/** Writes actions in words, e.g. `load package_0 into truck_0 at location_0_1`. */
export function planLines(plan: readonly Step[]): string[] {
  return plan.map(({ action, objects }) => {
    const [first, second, third, city] = objects.map(longName);
    const verb = action.split('-')[0];
    if (verb === 'load') return `load ${first} into ${second} at ${third}`;
    if (verb === 'unload') return `unload ${first} from ${second} at ${third}`;
    return `${verb} ${first} from ${second} to ${third}${city === undefined ? '' : ` in ${city}`}`;
  });
}

/** Writes facts in words, e.g. `location_0_0 is an airport and location_0_0 is in the city city_0`. */
export function factsText(facts: readonly Fact[]): string {
  return listed(
    facts.flatMap((fact) => {
      const [predicate, ...objects] = fact.split(' ');
      const [one, two] = objects.map(longName);
      if (predicate === 'airport') return `${one} is an airport`;
      if (predicate === 'at') return `${one} is at ${two}`;
      return predicate === 'in-city' ? `${one} is in the city ${two}` : [];
    }),
  );
}

/** Parses a fact in PlanBench's wording; undefined for other texts. */
export function readFact(text: string): Fact | undefined {
  const { one, two, joint } =
    /^(?<one>\w+) is (?:an airport|(?<joint>at|in the city) (?<two>\w+))$/.exec(text)?.groups ?? {};
  if (one === undefined) return undefined;
  if (two === undefined) return `airport ${shortName(one)}`;
  return `${joint === 'at' ? 'at' : 'in-city'} ${shortName(one)} ${shortName(two)}`;
}

/** Thrown where the official evaluator raises an exception, which makes the whole plan wrong. */
class Unreadable extends Error {}

/**
 * Parses the plan of an answer: the lines whose first word is load, unload, drive or fly. Every word that
 * contains a digit is an object. The letter of the vehicle determines whether it is a truck or an airplane.
 */
export function readPlan(answer: string): PlanReading {
  try {
    return {
      plan: afterThinking(answer)
        .split('\n')
        .flatMap((line) => readLine(line.trim().toLowerCase())),
    };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.message };
    throw error;
  }
}

function readLine(trimmed: string): Step[] {
  if (trimmed === '') return [];
  const line = withoutNumber(trimmed);
  const words = wordsOf(line);
  const verb = words[0];
  if (verb === undefined) throw new Unreadable(`nothing follows the number of line ${excerpt(trimmed)}`);
  if (!['load', 'unload', 'drive', 'fly'].includes(verb)) return [];
  const objects = words.filter((word) => DIGIT.test(word)).map(shortName);
  const vehicle = objects[verb.endsWith('load') ? 1 : 0];
  if (vehicle === undefined) throw new Unreadable(`no vehicle is named in line ${excerpt(line)}`);
  const kind = vehicle.includes('a') ? 'airplane' : vehicle.includes('t') ? 'truck' : undefined;
  if (kind === undefined) throw new Unreadable(`${excerpt(vehicle)} is no vehicle in line ${excerpt(line)}`);
  const action = `${verb}-${kind}`;
  if (action !== 'drive-truck' || objects.length !== 3) return [{ action, objects }];
  const city = [...objects[1]].find((character) => DIGIT.test(character));
  if (city === undefined)
    throw new Unreadable(`${excerpt(objects[1])} names no city in line ${excerpt(line)}`);
  return [{ action, objects: [...objects, `c${city}`] }];
}

/**
 * Matches the characters for which Python's `str.isdigit()` is true: decimal, superscript, subscript and
 * circled digits.
 */
const DIGIT = /[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468]/u;

/**
 * If a line starts with a number such as `1.` or `12.`, removes the number and all full stops of the line.
 */
function withoutNumber(line: string): string {
  const characters = [...line];
  const isDigit = (at: number): boolean => DIGIT.test(characters[at] ?? '');
  if (!isDigit(0)) return line;
  if (characters.length === 1 || (characters.length === 2 && isDigit(1)))
    throw new Unreadable(`line ${excerpt(line)} is a number alone`);
  const digits = characters[1] === '.' ? 1 : isDigit(1) && characters[2] === '.' ? 2 : 0;
  return digits === 0
    ? line
    : characters
        .slice(digits + 1)
        .join('')
        .replaceAll('.', '');
}
