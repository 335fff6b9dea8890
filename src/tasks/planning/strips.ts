/**
 * STRIPS: a state is a set of facts, an action needs facts, deletes facts, then adds facts. Running a plan
 * says how far it can be carried out, which action failed, and for want of which fact.
 * @see Fikes and Nilsson, "STRIPS: A new approach to the application of theorem proving", 1971
 * @module
 */

/** A ground fact: a predicate and its objects, one blank apart, e.g. `on b c`. */
export type Fact = string;

/** An action with variables: facts whose objects may be parameters, e.g. `on ?x ?y`. */
export interface ActionSchema {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly needs: readonly Fact[];
  readonly deletes: readonly Fact[];
  readonly adds: readonly Fact[];
}

export interface Domain {
  readonly name: string;
  readonly actions: readonly ActionSchema[];
  /** An action in words, e.g. `unstack b from c`. */
  sayStep(step: Step): string;
  /** Why an action that needs this fact cannot be taken, e.g. `c is not clear`. */
  sayMissing(fact: Fact): string;
  /** A fact in words, e.g. `b is on c`. */
  sayFact(fact: Fact): string;
}

/** One line of a plan, as written: it may name what does not exist. */
export interface Step {
  readonly action: string;
  readonly objects: readonly string[];
}

export interface Problem {
  readonly init: readonly Fact[];
  /** Facts that must hold at the end, at least one. */
  readonly goal: readonly Fact[];
}

/** A plan carried out as far as possible. */
export interface Simulation {
  /** Actions carried out: the length of the longest executable beginning. */
  readonly executed: number;
  /** Facts after these. */
  readonly state: ReadonlySet<Fact>;
  /** Why the next action could not be carried out; absent when all were. */
  readonly failure?: Failure;
  /** Goal facts that do not hold in `state`, in the goal's order. */
  readonly open: readonly Fact[];
}

export interface Failure {
  readonly step: Step;
  readonly cause:
    | { readonly kind: 'unknown-action' }
    | { readonly kind: 'wrong-objects'; readonly expected: number }
    | { readonly kind: 'missing'; readonly fact: Fact };
}

/** What an action with its objects put in needs, deletes and adds. */
export interface Grounded {
  readonly needs: readonly Fact[];
  readonly deletes: readonly Fact[];
  readonly adds: readonly Fact[];
}

/** Puts objects in place of a schema's parameters, in order. */
export function ground(
  { parameters, needs, deletes, adds }: ActionSchema,
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
  return { needs: needs.map(put), deletes: deletes.map(put), adds: adds.map(put) };
}

/** The state after an action whose needs hold: deletes first, then adds, so that an added fact stays. */
export function applied(state: ReadonlySet<Fact>, { deletes, adds }: Grounded): Set<Fact> {
  const next = new Set(state);
  for (const fact of deletes) next.delete(fact);
  for (const fact of adds) next.add(fact);
  return next;
}

/**
 * Carries out a plan from the initial state until it ends or an action cannot be taken.
 *
 * @returns how far it came, what failed, and which goal facts are open then
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
  const open = problem.goal.filter((fact) => !state.has(fact));
  return {
    executed,
    state,
    open,
    ...(cause === undefined ? {} : { failure: { step: plan[executed], cause } }),
  };
}

function attempt(domain: Domain, state: ReadonlySet<Fact>, step: Step): Grounded | Failure['cause'] {
  const schema = domain.actions.find(({ name }) => name === step.action);
  if (schema === undefined) return { kind: 'unknown-action' };
  const expected = schema.parameters.length;
  if (step.objects.length !== expected) return { kind: 'wrong-objects', expected };
  const grounded = ground(schema, step.objects);
  const fact = grounded.needs.find((need) => !state.has(need));
  return fact === undefined ? grounded : { kind: 'missing', fact };
}

/** A plan in normal form, as PDDL writes it on one line: `(unstack b c) (put-down b)`. */
export function planText(plan: readonly Step[]): string {
  return plan.map(({ action, objects }) => `(${[action, ...objects].join(' ')})`).join(' ');
}
