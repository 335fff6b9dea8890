/**
 * The Logistics domain of PlanBench: trucks move packages within a city, airplanes between the airports of cities.
 * Objects are named by kind and number: `p0`, `t0`, `a0`, `l0-1` (location 1 of city 0), `c0`.
 * @module
 */
import type { ActionSchema, Domain, Fact, Problem, Step } from '../planning/strips.ts';

/** Creates the actions for loading and unloading, which are the same for both kinds of vehicle. */
function loading(vehicle: 'truck' | 'airplane'): ActionSchema[] {
  const parameters = ['?obj', '?vehicle', '?loc'];
  const kinds = ['obj ?obj', `${vehicle} ?vehicle`, 'location ?loc', 'at ?vehicle ?loc'];
  const [inside, outside] = ['in ?obj ?vehicle', 'at ?obj ?loc'];
  return [
    {
      name: `load-${vehicle}`,
      parameters,
      preconditions: [...kinds, outside],
      deleteEffects: [outside],
      addEffects: [inside],
    },
    {
      name: `unload-${vehicle}`,
      parameters,
      preconditions: [...kinds, inside],
      deleteEffects: [inside],
      addEffects: [outside],
    },
  ];
}

const ACTIONS: readonly ActionSchema[] = [
  ...loading('truck'),
  ...loading('airplane'),
  {
    name: 'drive-truck',
    parameters: ['?truck', '?from', '?to', '?city'],
    preconditions: [
      ...['truck ?truck', 'location ?from', 'location ?to', 'city ?city'],
      ...['at ?truck ?from', 'in-city ?from ?city', 'in-city ?to ?city'],
    ],
    deleteEffects: ['at ?truck ?from'],
    addEffects: ['at ?truck ?to'],
  },
  {
    name: 'fly-airplane',
    parameters: ['?airplane', '?from', '?to'],
    preconditions: ['airplane ?airplane', 'airport ?from', 'airport ?to', 'at ?airplane ?from'],
    deleteEffects: ['at ?airplane ?from'],
    addEffects: ['at ?airplane ?to'],
  },
];

export const LOGISTICS: Domain = {
  name: 'logistics',
  actions: ACTIONS,
  describeAction,
  describeMissing,
  describeFact,
};

/** Returns the kind of an object, which its first letter determines. */
const KINDS: Readonly<Record<string, string>> = {
  p: 'obj',
  t: 'truck',
  a: 'airplane',
  l: 'location',
  c: 'city',
};

/** Adds a fact with the kind of each object. Statements in words omit these facts. */
export function withKinds({ init, goal }: Problem): Problem {
  const objects = new Set(init.flatMap((fact) => fact.split(' ').slice(1)));
  const kinds = [...objects].flatMap((object) => {
    const kind = KINDS[object.charAt(0)];
    return kind === undefined ? [] : [`${kind} ${object}`];
  });
  return { init: [...kinds, ...init], goal };
}

function describeAction({ action, objects }: Step): string {
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

function describeFact(fact: Fact): string {
  const [predicate, object, place] = fact.split(' ');
  if (predicate === 'at') return `${object} is at ${place}`;
  if (predicate === 'in' || predicate === 'in-city') return `${object} is in ${place}`;
  return `${object} is ${KIND_WORDS[predicate] ?? predicate}`;
}

function describeMissing(fact: Fact): string {
  return describeFact(fact).replace(' is ', ' is not ');
}
