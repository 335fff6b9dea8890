/**
 * Blocksworld with four actions and one hand, as PlanBench has it, on towers: how states are written as facts
 * and goals as towers.
 * @module
 */
import type { ActionSchema, Domain, Fact, Problem, Step } from '../planning/strips.ts';

/** Towers of blocks, each from bottom to top: a whole state with an empty hand. */
export type Towers = readonly (readonly string[])[];

const ACTIONS: readonly ActionSchema[] = [
  {
    name: 'pick-up',
    parameters: ['?ob'],
    needs: ['clear ?ob', 'ontable ?ob', 'handempty'],
    deletes: ['clear ?ob', 'ontable ?ob', 'handempty'],
    adds: ['holding ?ob'],
  },
  {
    name: 'put-down',
    parameters: ['?ob'],
    needs: ['holding ?ob'],
    deletes: ['holding ?ob'],
    adds: ['clear ?ob', 'handempty', 'ontable ?ob'],
  },
  {
    name: 'stack',
    parameters: ['?ob', '?underob'],
    needs: ['clear ?underob', 'holding ?ob'],
    deletes: ['clear ?underob', 'holding ?ob'],
    adds: ['handempty', 'clear ?ob', 'on ?ob ?underob'],
  },
  {
    name: 'unstack',
    parameters: ['?ob', '?underob'],
    needs: ['on ?ob ?underob', 'clear ?ob', 'handempty'],
    deletes: ['on ?ob ?underob', 'clear ?ob', 'handempty'],
    adds: ['holding ?ob', 'clear ?underob'],
  },
];

export const BLOCKSWORLD: Domain = { name: 'blocksworld', actions: ACTIONS, sayStep, sayMissing, sayFact };

function sayStep({ action, objects }: Step): string {
  const [block, under] = objects;
  const joint = action === 'unstack' ? 'from' : 'on';
  return `${action.replace('-', ' ')} ${under === undefined ? block : `${block} ${joint} ${under}`}`;
}

function sayFact(fact: Fact): string {
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

function sayMissing(fact: Fact): string {
  return fact.startsWith('holding')
    ? sayFact(fact).replace('holds', 'does not hold')
    : sayFact(fact).replace(' is ', ' is not ');
}

/** The facts of a state with an empty hand. */
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

/** What stands on what, the table left out: goals say no more. */
export function onFacts(towers: Towers): Fact[] {
  return towers.flatMap((tower) => tower.slice(1).map((block, height) => `on ${block} ${tower[height]}`));
}

/** The towers of a problem with an empty hand, and those that its goal asks for, two blocks or more. */
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
