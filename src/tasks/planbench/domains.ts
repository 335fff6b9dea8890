/**
 * What PlanBench's files and answers need of a domain: reading facts and plans, and shortest plans.
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
import type { PlanReading } from '../planning/planbench-words.ts';
import type { Domain, Fact, Problem } from '../planning/strips.ts';

export interface PlanbenchDomain {
  readonly strips: Domain;
  /** A fact in PlanBench's words; undefined if it is none. */
  readFact(text: string): Fact | undefined;
  /** A problem with the names that its PDDL file has, with those that plans in words have. */
  renamed(problem: Problem): Problem;
  /** An object's name in plans in words, from that or the one in PDDL. */
  objectName(name: string): string;
  /** Adds the facts that statements leave out. */
  complete(problem: Problem): Problem;
  /** The plan in an answer, as the official judge reads it. */
  readPlan(answer: string): PlanReading;
  /** The length of a shortest plan; undefined if it is not known. */
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

/** By the name in a file: `blocksworld`, `blocksworld_3`, `logistics`; undefined for other domains. */
export function planbenchDomain(name: string): PlanbenchDomain | undefined {
  if (/^blocksworld(_\d+)?$/.test(name)) return BLOCKS;
  return name === 'logistics' ? PACKAGES : undefined;
}
