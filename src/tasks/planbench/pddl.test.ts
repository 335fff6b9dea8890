import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BLOCKSWORLD } from '../blocksworld/domain.ts';
import { LOGISTICS } from '../logistics/domain.ts';
import type { ActionSchema } from '../planning/strips.ts';
import { type Expression, readPddl, readPddlProblem } from './pddl.ts';

/** An action of a PDDL domain file in the form of an action schema of this package, with sorted facts. */
function schemaOf(action: Expression): ActionSchema {
  const [, name, ...rest] = [...action];
  const part = (keyword: string): Expression => rest[rest.indexOf(keyword) + 1];
  const list = (expression: Expression): Expression[] =>
    expression[0] === 'and' ? [...expression].slice(1) : [expression];
  const text = (fact: Expression): string => [...fact].join(' ');
  const effects = list(part(':effect'));
  const isDelete = (effect: Expression): boolean => effect[0] === 'not';
  return normal({
    name: String(name),
    parameters: [...part(':parameters')].map(String),
    preconditions: list(part(':precondition')).map(text),
    deleteEffects: effects.filter(isDelete).map((effect) => text(effect[1])),
    addEffects: effects.filter((effect) => !isDelete(effect)).map(text),
  });
}

/** Numbers the parameters of an action and sorts its facts, because names and order have no meaning. */
function normal({ name, parameters, ...facts }: ActionSchema): ActionSchema {
  const put = (list: readonly string[]): string[] =>
    list
      .map((fact) =>
        fact
          .split(' ')
          .map((word) => (parameters.includes(word) ? `?${parameters.indexOf(word)}` : word))
          .join(' '),
      )
      .sort();
  const { preconditions, deleteEffects, addEffects } = facts;
  return {
    name,
    parameters: parameters.map((_, at) => `?${at}`),
    preconditions: put(preconditions),
    deleteEffects: put(deleteEffects),
    addEffects: put(addEffects),
  };
}

it.each([BLOCKSWORLD, LOGISTICS])(
  '$name has the actions of the official domain file',
  ({ name, actions }) => {
    const path = new URL(`../../../test/fixtures/planbench/${name}_domain.pddl`, import.meta.url);
    const domain = readPddl(readFileSync(path, 'utf8'));
    const official = [...(domain ?? [])].filter((part) => part[0] === ':action').map(schemaOf);
    const byName = (one: ActionSchema, other: ActionSchema): number => one.name.localeCompare(other.name);
    expect(official.length).toBeGreaterThan(3);
    expect(actions.map(normal).sort(byName)).toEqual(official.sort(byName));
  },
);

it('parses a problem in any case, with comments', () => {
  const text = '(define (problem x) ; one\n(:init (HANDEMPTY) (on b c)) (:goal (and (on c b) (on a c))))';
  expect(readPddlProblem(text)).toEqual({ init: ['handempty', 'on b c'], goal: ['on c b', 'on a c'] });
  expect(readPddlProblem('(define (:init (p)) (:goal (q a)))')).toEqual({ init: ['p'], goal: ['q a'] });
});

it('is undefined for other texts', () => {
  for (const text of [
    '',
    '(',
    ')',
    'x',
    '(a) (b)',
    '(define)',
    '(define (:init (p)) (:goal (not (p))))',
    '(define (:init ((p))) (:goal (q)))',
  ])
    expect(readPddlProblem(text)).toBeUndefined();
});
