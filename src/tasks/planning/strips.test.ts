import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCKSWORLD } from '../blocksworld/domain.ts';
import { applied, ground, planText, type Step, simulate } from './strips.ts';

const step = (action: string, ...objects: string[]): Step => ({ action, objects });

/** A problem: b is on c, a is on the table; the goal is c on b. */
const problem = {
  init: ['handempty', 'ontable a', 'ontable c', 'on b c', 'clear a', 'clear b'],
  goal: ['on c b'],
};

describe('simulate', () => {
  it('executes a plan computed by hand', () => {
    const plan = [
      step('unstack', 'b', 'c'),
      step('put-down', 'b'),
      step('pick-up', 'c'),
      step('stack', 'c', 'b'),
    ];
    const { executed, state, failure, unmetGoals } = simulate(BLOCKSWORLD, problem, plan);
    expect({ executed, failure, unmetGoals }).toEqual({ executed: 4, failure: undefined, unmetGoals: [] });
    expect([...state].sort()).toEqual([
      'clear a',
      'clear c',
      'handempty',
      'on c b',
      'ontable a',
      'ontable b',
    ]);
  });

  it('returns the failed action and its missing precondition', () => {
    const plan = [step('unstack', 'b', 'c'), step('pick-up', 'c')];
    expect(simulate(BLOCKSWORLD, problem, plan)).toMatchObject({
      executed: 1,
      failure: { step: plan[1], cause: { kind: 'missing', fact: 'handempty' } },
      unmetGoals: ['on c b'],
    });
  });

  it('stops at unknown actions and objects', () => {
    const cause = (...plan: Step[]) => simulate(BLOCKSWORLD, problem, plan).failure?.cause;
    expect(cause(step('fly', 'a'))).toEqual({ kind: 'unknown-action' });
    expect(cause(step('stack', 'a'))).toEqual({ kind: 'wrong-objects', expected: 2 });
    expect(cause(step('pick-up', 'z'))).toEqual({ kind: 'missing', fact: 'clear z' });
  });

  it('applies add effects after delete effects', () => {
    const drive = {
      name: 'go',
      parameters: ['?from', '?to'],
      preconditions: [],
      deleteEffects: ['at ?from'],
      addEffects: ['at ?to'],
    };
    expect([...applied(new Set(['at x']), ground(drive, ['x', 'x']))]).toEqual(['at x']);
  });

  it('keeps every block in exactly one place for any plan', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const steps = fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom('pick-up', 'put-down'), name).map(([action, one]) => step(action, one)),
        fc
          .tuple(fc.constantFrom('stack', 'unstack'), name, name)
          .map(([action, one, two]) => step(action, one, two)),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (tries) => {
        // actions that are not executable are left out, so that the executed plans are long
        const plan: Step[] = [];
        for (const one of tries)
          if (simulate(BLOCKSWORLD, problem, [...plan, one]).failure === undefined) plan.push(one);
        const { state, executed } = simulate(BLOCKSWORLD, problem, plan);
        expect(executed).toBe(plan.length);
        for (const block of ['a', 'b', 'c']) {
          const places = [...state].filter((fact) =>
            new RegExp(`^(on ${block} .|ontable ${block}|holding ${block})$`).test(fact),
          );
          const above = [...state].filter((fact) =>
            new RegExp(`^(on . ${block}|clear ${block}|holding ${block})$`).test(fact),
          );
          expect([places.length, above.length]).toEqual([1, 1]);
        }
        expect([...state].filter((fact) => /^(handempty|holding .)$/.test(fact))).toHaveLength(1);
      }),
      { numRuns: 200 },
    );
  });
});

it('writes a plan in PDDL', () => {
  expect(planText([step('unstack', 'b', 'c'), step('put-down', 'b')])).toBe('(unstack b c) (put-down b)');
});
