/**
 * Logistics as PlanBench has it: trucks move packages within a city, airplanes between the airports of cities.
 * Objects are named by kind and number: `p0`, `t0`, `a0`, `l0-1` (location 1 of city 0), `c0`.
 * @module
 */
import type { ActionSchema, Domain, Fact, Problem, Step } from '../planning/strips.ts';

/** Loading and unloading differ between the two vehicles in nothing but the vehicle's kind. */
function loading(vehicle: 'truck' | 'airplane'): ActionSchema[] {
  const parameters = ['?obj', '?vehicle', '?loc'];
  const kinds = ['obj ?obj', `${vehicle} ?vehicle`, 'location ?loc', 'at ?vehicle ?loc'];
  const [inside, outside] = ['in ?obj ?vehicle', 'at ?obj ?loc'];
  return [
    { name: `load-${vehicle}`, parameters, needs: [...kinds, outside], deletes: [outside], adds: [inside] },
    { name: `unload-${vehicle}`, parameters, needs: [...kinds, inside], deletes: [inside], adds: [outside] },
  ];
}

const ACTIONS: readonly ActionSchema[] = [
  ...loading('truck'),
  ...loading('airplane'),
  {
    name: 'drive-truck',
    parameters: ['?truck', '?from', '?to', '?city'],
    needs: [
      ...['truck ?truck', 'location ?from', 'location ?to', 'city ?city'],
      ...['at ?truck ?from', 'in-city ?from ?city', 'in-city ?to ?city'],
    ],
    deletes: ['at ?truck ?from'],
    adds: ['at ?truck ?to'],
  },
  {
    name: 'fly-airplane',
    parameters: ['?airplane', '?from', '?to'],
    needs: ['airplane ?airplane', 'airport ?from', 'airport ?to', 'at ?airplane ?from'],
    deletes: ['at ?airplane ?from'],
    adds: ['at ?airplane ?to'],
  },
];

export const LOGISTICS: Domain = { name: 'logistics', actions: ACTIONS, sayStep, sayMissing, sayFact };

/** What an object is, by its first letter. */
const KINDS: Readonly<Record<string, string>> = {
  p: 'obj',
  t: 'truck',
  a: 'airplane',
  l: 'location',
  c: 'city',
};

/** A problem with the facts that say what each object is, which statements in words leave to the names. */
export function withKinds({ init, goal }: Problem): Problem {
  const objects = new Set(init.flatMap((fact) => fact.split(' ').slice(1)));
  const kinds = [...objects].flatMap((object) => {
    const kind = KINDS[object.charAt(0)];
    return kind === undefined ? [] : [`${kind} ${object}`];
  });
  return { init: [...kinds, ...init], goal };
}

function sayStep({ action, objects }: Step): string {
  const [first, second, third] = objects;
  const verb = action.split('-')[0];
  if (third === undefined) return [verb, ...objects].join(' ');
  if (verb === 'load') return `load ${first} into ${second} at ${third}`;
  if (verb === 'unload') return `unload ${first} from ${second} at ${third}`;
  return `${verb} ${first} from ${second} to ${third}`;
}

const KIND_WORDS: Readonly<Record<string, string>> = {
  obj: 'a package',
  truck: 'a truck',
  airplane: 'an airplane',
  location: 'a location',
  city: 'a city',
  airport: 'an airport',
};

function sayFact(fact: Fact): string {
  const [predicate, object, place] = fact.split(' ');
  if (predicate === 'at') return `${object} is at ${place}`;
  if (predicate === 'in' || predicate === 'in-city') return `${object} is in ${place}`;
  return `${object} is ${KIND_WORDS[predicate] ?? predicate}`;
}

function sayMissing(fact: Fact): string {
  return sayFact(fact).replace(' is ', ' is not ');
}
