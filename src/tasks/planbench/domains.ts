/**
 * The domains of PlanBench's files: parses facts and plans, and computes shortest plans.
 * @module
 */
import { BLOCKSWORLD, towersOf } from '../blocksworld/domain.ts';
import {
  coloured,
  colourOf,
  readFact as readBlocksFact,
  readPlan as readBlocksPlan,
} from '../blocksworld/planbench-text.ts';
import { shortestPlan } from '../blocksworld/planner.ts';
import { LOGISTICS, withKinds } from '../logistics/domain.ts';
import { readFact as readLogisticsFact, readPlan as readLogisticsPlan } from '../logistics/planbench-text.ts';
import { findPlan } from '../logistics/planner.ts';
import type { PlanReading } from '../planning/planbench-prompt.ts';
import type { Domain, Fact, Problem } from '../planning/strips.ts';

export interface PlanbenchDomain {
  readonly strips: Domain;
  /** Parses a fact in PlanBench's wording; undefined for other texts. */
  readFact(text: string): Fact | undefined;
  /** Renames the objects of a PDDL file to the names that plans in words use. */
  renamed(problem: Problem): Problem;
  /** Returns the name of an object in plans in words. The argument is either this name or the PDDL name. */
  objectName(name: string): string;
  /** Adds the facts that statements in words omit. */
  complete(problem: Problem): Problem;
  /** Parses the plan of an answer like the official evaluator. */
  readPlan(answer: string): PlanReading;
  /** Returns the number of actions of a shortest plan; undefined if it is not known. */
  fewestActions(problem: Problem): number | undefined;
}

const BLOCKS: PlanbenchDomain = {
  strips: BLOCKSWORLD,
  readFact: readBlocksFact,
  renamed: coloured,
  objectName: (name) => (/^[a-l]$/.test(name) ? colourOf(name) : name),
  complete: (problem) => problem,
  readPlan: (answer) => ({ plan: readBlocksPlan(answer) }),
  fewestActions: (problem) => shortestPlan(towersOf(problem))?.length,
};

const PACKAGES: PlanbenchDomain = {
  strips: LOGISTICS,
  readFact: readLogisticsFact,
  renamed: (problem) => problem,
  objectName: (name) => name,
  complete: withKinds,
  readPlan: readLogisticsPlan,
  fewestActions: (problem) => {
    const found = findPlan(problem);
    return found?.isShortest ? found.steps.length : undefined;
  },
};

/**
 * Returns the domain with this name in a file: `blocksworld`, `blocksworld_3`, `logistics`. Undefined for
 * other names.
 */
export function planbenchDomain(name: string): PlanbenchDomain | undefined {
  if (/^blocksworld(_\d+)?$/.test(name)) return BLOCKS;
  return name === 'logistics' ? PACKAGES : undefined;
}
