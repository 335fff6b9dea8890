/**
 * Reads PlanBench's files of task 1. A file has a domain, and instances with a prompt and a reference plan.
 * The problem is parsed from the last statement of the prompt, so that no other file is needed.
 * @module
 */
import { readFileSync } from 'node:fs';
import { excerpt } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';
import { lastStatement, readStatement } from '../planning/planbench-prompt.ts';
import type { Problem, Step } from '../planning/strips.ts';
import { type PlanbenchDomain, planbenchDomain } from './domains.ts';
import { readPddlProblem } from './pddl.ts';

export interface PlanbenchInstance {
  /** e.g. `blocksworld-17` */
  readonly id: string;
  readonly domain: PlanbenchDomain;
  readonly prompt: string;
  /** The last statement of the prompt, without the introduction and the example. */
  readonly statement: string;
  readonly problem: Problem;
  /** The reference plan (`ground_truth_plan` in the file). */
  readonly reference: readonly Step[];
}

/**
 * Reads all instances of a file, in order.
 *
 * @throws ConfigError naming the file and the first instance that cannot be used
 */
export function readInstances(path: string): PlanbenchInstance[] {
  const file = readObject(path);
  const name = file.get('domain');
  const domain = typeof name === 'string' ? planbenchDomain(name) : undefined;
  const instances: unknown = file.get('instances');
  if (domain === undefined || !Array.isArray(instances))
    throw fileError(
      path,
      `expected a "domain" (blocksworld or logistics) and "instances", got ${excerpt(String(name))}`,
    );
  return instances.map((value: unknown, at) => {
    const instance = new Map<string, unknown>(Object.entries(value ?? {}));
    return readInstance(instance, {
      domain,
      name: String(name),
      where: `${path}: instance ${instance.get('instance_id') ?? at}`,
    });
  });
}

function readInstance(
  instance: ReadonlyMap<string, unknown>,
  {
    domain,
    name,
    where,
  }: { readonly domain: PlanbenchDomain; readonly name: string; readonly where: string },
): PlanbenchInstance {
  const prompt = instance.get('query');
  const plan = instance.get('ground_truth_plan') ?? '';
  if (typeof prompt !== 'string' || typeof plan !== 'string')
    throw fileError(where, 'expected texts "query" and "ground_truth_plan", got something else');
  const read = readStatement(prompt, domain.readFact);
  if ('unread' in read)
    throw fileError(where, `expected a statement of the domain, got ${excerpt(read.unread)}`);
  return {
    id: `${name}-${instance.get('instance_id')}`,
    domain,
    prompt,
    statement: lastStatement(prompt),
    problem: domain.complete(read.problem),
    reference: readPddlPlan(plan),
  };
}

/** The part of an instance that verification needs. */
export type VerifiableInstance = Pick<PlanbenchInstance, 'domain' | 'problem' | 'reference'>;

/**
 * Creates an instance from the PDDL text of a problem, without a reference plan.
 *
 * @param name - name of the domain in a file of answers
 * @returns undefined if the domain is unknown or the text is not a problem
 */
export function instanceOfPddl(name: string, pddl: string): VerifiableInstance | undefined {
  const domain = planbenchDomain(name);
  const problem = readPddlProblem(pddl);
  return domain && problem && { domain, problem: domain.renamed(problem), reference: [] };
}

/**
 * Parses the plan that PlanBench's evaluator stored with an answer. It names Blocksworld objects by letter or
 * in words; letters are converted to words.
 */
export function readRecordedPlan({ domain }: VerifiableInstance, text: string): Step[] {
  return readPddlPlan(text).map(({ action, objects }) => ({
    action,
    objects: objects.map(domain.objectName),
  }));
}

/** Parses a plan in PDDL, with one bracketed action per line. */
export function readPddlPlan(text: string): Step[] {
  return [...text.matchAll(/\(([^()]*)\)/g)].map(([, inside]) => {
    const [action = '', ...objects] = inside.trim().split(/\s+/);
    return { action, objects };
  });
}

function readObject(path: string): Map<string, unknown> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) ?? {}));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw fileError(path, `expected a JSON file that can be read, got ${why}; check the path`, cause);
  }
}

function fileError(where: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError(`${where}: ${message}`, {
    code: 'TROUPE_TASK_FILE',
    issues: [{ file: where, path: 'path', message }],
    cause,
  });
}
