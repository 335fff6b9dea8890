/**
 * The Blocksworld domain of PlanBench, with four actions and one hand, and the conversion between towers and facts.
 * @module
 */
import type { ActionSchema, Domain, Fact, Problem, Step } from '../planning/strips.ts';

/**
 * Towers of blocks, each listed from bottom to top. They describe a whole state in which the hand is empty.
 */
export type Towers = readonly (readonly string[])[];

const ACTIONS: readonly ActionSchema[] = [
  {
    name: 'pick-up',
    parameters: ['?ob'],
    preconditions: ['clear ?ob', 'ontable ?ob', 'handempty'],
    deleteEffects: ['clear ?ob', 'ontable ?ob', 'handempty'],
    addEffects: ['holding ?ob'],
  },
  {
    name: 'put-down',
    parameters: ['?ob'],
    preconditions: ['holding ?ob'],
    deleteEffects: ['holding ?ob'],
    addEffects: ['clear ?ob', 'handempty', 'ontable ?ob'],
  },
  {
    name: 'stack',
    parameters: ['?ob', '?underob'],
    preconditions: ['clear ?underob', 'holding ?ob'],
    deleteEffects: ['clear ?underob', 'holding ?ob'],
    addEffects: ['handempty', 'clear ?ob', 'on ?ob ?underob'],
  },
  {
    name: 'unstack',
    parameters: ['?ob', '?underob'],
    preconditions: ['on ?ob ?underob', 'clear ?ob', 'handempty'],
    deleteEffects: ['on ?ob ?underob', 'clear ?ob', 'handempty'],
    addEffects: ['holding ?ob', 'clear ?underob'],
  },
];

export const BLOCKSWORLD: Domain = {
  name: 'blocksworld',
  actions: ACTIONS,
  describeAction,
  describeMissing,
  describeFact,
};

function describeAction({ action, objects }: Step): string {
  const [block, under] = objects;
  const joint = action === 'unstack' ? 'from' : 'on';
  return `${action.replace('-', ' ')} ${under === undefined ? block : `${block} ${joint} ${under}`}`;
}

function describeFact(fact: Fact): string {
  const [predicate, block, under] = fact.split(' ');
  switch (predicate) {
    case 'on':
      return `${block} is on ${under}`;
    case 'ontable':
      return `${block} is on the table`;
    case 'clear':
      return `${block} is clear`;
    case 'holding':
      return `the hand holds ${block}`;
    default:
      return 'the hand is empty';
  }
}

function describeMissing(fact: Fact): string {
  return fact.startsWith('holding')
    ? describeFact(fact).replace('holds', 'does not hold')
    : describeFact(fact).replace(' is ', ' is not ');
}

/** Returns all facts of a state in which the hand is empty. */
export function factsOf(towers: Towers): Fact[] {
  return [
    'handempty',
    ...towers.flatMap((tower) => [
      `ontable ${tower[0]}`,
      ...onFacts([tower]),
      `clear ${tower[tower.length - 1]}`,
    ]),
  ];
}

/** Returns the facts `on x y` of towers. Goals consist of such facts. */
export function onFacts(towers: Towers): Fact[] {
  return towers.flatMap((tower) => tower.slice(1).map((block, height) => `on ${block} ${tower[height]}`));
}

/**
 * Returns the initial towers of a problem in which the hand is empty, and the towers of its goal, which have
 * at least two blocks each.
 */
export function towersOf({ init, goal }: Problem): { readonly start: Towers; readonly wanted: Towers } {
  const bases = init
    .filter((fact) => fact.startsWith('ontable '))
    .map((fact) => fact.slice('ontable '.length));
  const placed = goal.filter((fact) => fact.startsWith('on ')).map((fact) => fact.split(' '));
  const upper = new Set(placed.map(([, block]) => block));
  const lowest = placed.map(([, , under]) => under).filter((under) => !upper.has(under));
  return { start: piled(bases, init), wanted: piled([...new Set(lowest)], goal) };
}

function piled(bases: readonly string[], facts: readonly Fact[]): string[][] {
  const above = new Map(
    facts
      .filter((fact) => fact.startsWith('on '))
      .map((fact) => fact.split(' '))
      .map(([, block, under]) => [under, block]),
  );
  return bases.map((base) => {
    const tower = [base];
    for (let next = above.get(base); next !== undefined && !tower.includes(next); next = above.get(next))
      tower.push(next);
    return tower;
  });
}
