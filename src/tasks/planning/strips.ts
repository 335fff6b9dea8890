/**
 * STRIPS planning. A state is a set of facts. An action has preconditions, delete effects and add effects.
 * The simulation of a plan executes it up to the first action that is not executable, and returns the missing
 * precondition of that action.
 * @see Fikes and Nilsson, "STRIPS: A new approach to the application of theorem proving", 1971
 * @module
 */

/** A ground fact: a predicate and its objects, separated by spaces, e.g. `on b c`. */
export type Fact = string;

/** An action with parameters instead of objects. Its facts may contain the parameters, e.g. `on ?x ?y`. */
export interface ActionSchema {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly preconditions: readonly Fact[];
  readonly deleteEffects: readonly Fact[];
  readonly addEffects: readonly Fact[];
}

export interface Domain {
  readonly name: string;
  readonly actions: readonly ActionSchema[];
  /** Describes an action in words, e.g. `unstack b from c`. */
  describeAction(step: Step): string;
  /** Describes a missing precondition in words, e.g. `c is not clear`. */
  describeMissing(fact: Fact): string;
  /** Describes a fact in words, e.g. `b is on c`. */
  describeFact(fact: Fact): string;
}

/** One action of a plan as an answer writes it. The action and the objects may not exist in the problem. */
export interface Step {
  readonly action: string;
  readonly objects: readonly string[];
}

export interface Problem {
  readonly init: readonly Fact[];
  /** Facts that must hold after the plan; at least one. */
  readonly goal: readonly Fact[];
}

/** The result of executing a plan as far as possible. */
export interface Simulation {
  /** Number of actions that were executed: the length of the longest executable prefix of the plan. */
  readonly executed: number;
  /** The facts after the executed actions. */
  readonly state: ReadonlySet<Fact>;
  /**
   * The action after the executed ones and the reason why it is not executable. Absent if all actions were
   * executed.
   */
  readonly failure?: Failure;
  /** Goal facts that do not hold in `state`, in the goal's order. */
  readonly unmetGoals: readonly Fact[];
}

export interface Failure {
  readonly step: Step;
  readonly cause:
    | { readonly kind: 'unknown-action' }
    | { readonly kind: 'wrong-objects'; readonly expected: number }
    | { readonly kind: 'missing'; readonly fact: Fact };
}

/** The preconditions and effects of an action, with objects in place of parameters. */
export interface Grounded {
  readonly preconditions: readonly Fact[];
  readonly deleteEffects: readonly Fact[];
  readonly addEffects: readonly Fact[];
}

/** Substitutes objects for the parameters of an action, in order. */
export function ground(
  { parameters, preconditions, deleteEffects, addEffects }: ActionSchema,
  objects: readonly string[],
): Grounded {
  const put = (fact: Fact): Fact =>
    fact
      .split(' ')
      .map((word) => {
        const at = parameters.indexOf(word);
        return at < 0 ? word : objects[at];
      })
      .join(' ');
  return {
    preconditions: preconditions.map(put),
    deleteEffects: deleteEffects.map(put),
    addEffects: addEffects.map(put),
  };
}

/**
 * Returns the state after an action. Facts are deleted before facts are added, so a fact that is both deleted
 * and added holds afterwards.
 */
export function applied(state: ReadonlySet<Fact>, { deleteEffects, addEffects }: Grounded): Set<Fact> {
  const next = new Set(state);
  for (const fact of deleteEffects) next.delete(fact);
  for (const fact of addEffects) next.add(fact);
  return next;
}

/**
 * Executes a plan from the initial state up to its end or to the first action that is not executable.
 *
 * @returns the number of executed actions, the failure, and the goal facts that do not hold afterwards
 */
export function simulate(domain: Domain, problem: Problem, plan: readonly Step[]): Simulation {
  let state: ReadonlySet<Fact> = new Set(problem.init);
  let executed = 0;
  let cause: Failure['cause'] | undefined;
  for (const step of plan) {
    const outcome = attempt(domain, state, step);
    if ('kind' in outcome) {
      cause = outcome;
      break;
    }
    state = applied(state, outcome);
    executed++;
  }
  const unmetGoals = problem.goal.filter((fact) => !state.has(fact));
  return {
    executed,
    state,
    unmetGoals,
    ...(cause === undefined ? {} : { failure: { step: plan[executed], cause } }),
  };
}

function attempt(domain: Domain, state: ReadonlySet<Fact>, step: Step): Grounded | Failure['cause'] {
  const schema = domain.actions.find(({ name }) => name === step.action);
  if (schema === undefined) return { kind: 'unknown-action' };
  const expected = schema.parameters.length;
  if (step.objects.length !== expected) return { kind: 'wrong-objects', expected };
  const grounded = ground(schema, step.objects);
  const fact = grounded.preconditions.find((precondition) => !state.has(precondition));
  return fact === undefined ? grounded : { kind: 'missing', fact };
}

/** Writes a plan in normal form: in PDDL on one line, e.g. `(unstack b c) (put-down b)`. */
export function planText(plan: readonly Step[]): string {
  return plan.map(({ action, objects }) => `(${[action, ...objects].join(' ')})`).join(' ');
}
