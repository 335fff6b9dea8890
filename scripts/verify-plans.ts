/**
 * `npm run verify-plans -- FILE... [--text-only]`: verifies plans of PlanBench's task 1 and lists every verdict that
 * differs from the expected one. A FILE is
 *
 * * an official task file (`.json` with `domain` and `instances`): every reference plan is expected to be valid; or
 * * JSON lines of answers `{domain, instance_id, raw_response, extracted_plan?, valid}`: the expected verdict is
 *   `valid`. The problems are searched in the task files on the command line, then in the PDDL problems in the same
 *   folder (`DOMAIN_instances.jsonl` of `{instance_id, pddl}`), because some answers belong to instances that occur
 *   in task files only as an example.
 *
 * The benchmark's authors extracted the plans of some answers with a language model, whose output cannot be computed
 * from the text. If `extracted_plan` is present and differs from the plan that the rules extract, the script verifies
 * the recorded plan, and first lists the answers whose verdict differs for the text alone. `--text-only` ignores
 * `extracted_plan`.
 *
 * The last line is `N agree, M disagree`. Exit code 0 if all files were processed; the verdicts do not change
 * it. Exit code 2 if a file cannot be used.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Verdict } from '../src/task/task.ts';
import {
  instanceOfPddl,
  readInstances,
  readRecordedPlan,
  type VerifiableInstance,
} from '../src/tasks/planbench/instances.ts';
import { verifyAnswer, verifySteps } from '../src/tasks/planbench/planbench.ts';
import { planText } from '../src/tasks/planning/strips.ts';
import { assertFile } from './named-file.ts';

interface Case {
  readonly name: string;
  readonly expected: boolean;
  readonly verdict: Verdict;
  /**
   * Verdict on the plan that the rules extract from the text; present only if the file records a different
   * plan.
   */
  readonly ofText?: Verdict;
}

interface Options {
  readonly known: Map<string, VerifiableInstance>;
  readonly textOnly: boolean;
}

class UsageError extends Error {}

function main(args: readonly string[]): number {
  try {
    const { values, positionals: files } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { 'text-only': { type: 'boolean', default: false } },
    });
    if (files.length === 0) throw new UsageError('expected one file or more, got none');
    for (const file of files) assertFile(file);
    const known = new Map<string, VerifiableInstance>();
    const isTask = (file: string): boolean => file.endsWith('.json');
    for (const file of files.filter(isTask)) for (const one of readInstances(file)) known.set(one.id, one);
    const options = { known, textOnly: values['text-only'] };
    report(files.flatMap((file) => (isTask(file) ? referenceCases(file) : answerCases(file, options))));
    return 0;
  } catch (error) {
    console.error(`verify-plans: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

function report(cases: readonly Case[]): void {
  const recorded = cases.filter(({ ofText }) => ofText !== undefined);
  if (recorded.length > 0) {
    const others = recorded.filter(({ ofText, expected }) => ofText?.correct !== expected);
    console.log(
      `${recorded.length} answers verified with their recorded plan, which differs from the plan that the rules ` +
        `extract; with the latter ${others.length} of them would have another verdict:`,
    );
    for (const { name, expected, ofText } of others) console.log(`  ${difference(name, expected, ofText)}`);
  }
  const disagreements = cases.filter(({ expected, verdict }) => verdict.correct !== expected);
  for (const { name, expected, verdict } of disagreements) console.log(difference(name, expected, verdict));
  console.log(`${cases.length - disagreements.length} agree, ${disagreements.length} disagree`);
}

function difference(name: string, expected: boolean, verdict: Verdict | undefined): string {
  return `${name}: expected ${word(expected)}, got ${word(!expected)} (${verdict?.reason})`;
}

function referenceCases(file: string): Case[] {
  return readInstances(file).map((instance) => ({
    name: `${file}: reference plan of ${instance.id}`,
    expected: true,
    verdict: verifySteps(instance, instance.reference),
  }));
}

function answerCases(file: string, options: Options): Case[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, at) =>
      text.trim() === '' ? [] : [answerCase(text, { file, line: at + 1, ...options })],
    );
}

function answerCase(
  text: string,
  { file, line, known, textOnly }: Options & { readonly file: string; readonly line: number },
): Case {
  const where = `${file}:${line}`;
  const fields = parsed(text, where);
  const [domain, answer, valid] = ['domain', 'raw_response', 'valid'].map((name) => fields.get(name));
  if (typeof domain !== 'string' || typeof answer !== 'string' || typeof valid !== 'boolean')
    throw new UsageError(`${where}: expected texts "domain" and "raw_response" and a boolean "valid"`);
  const id = `${domain}-${fields.get('instance_id')}`;
  if (!known.has(id)) readPddlFile(join(dirname(file), `${domain}_instances.jsonl`), { domain, known });
  const instance = known.get(id);
  if (instance === undefined)
    throw new UsageError(
      `${where}: expected an instance of a task file or of ${domain}_instances.jsonl, got ${id}`,
    );
  const one = { name: `${where} ${id}`, expected: valid, verdict: verifyAnswer(instance, answer) };
  const recorded = fields.get('extracted_plan');
  if (textOnly || typeof recorded !== 'string') return one;
  const plan = readRecordedPlan(instance, recorded);
  const read = instance.domain.readPlan(answer);
  if (planText(plan) === ('plan' in read ? planText(read.plan) : '')) return one;
  return { ...one, verdict: verifySteps(instance, plan), ofText: one.verdict };
}

/** Adds the problems of a file that were not found in an earlier file. */
function readPddlFile(
  file: string,
  { domain, known }: { readonly domain: string; readonly known: Map<string, VerifiableInstance> },
): void {
  for (const [at, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (text.trim() === '') continue;
    const fields = parsed(text, `${file}:${at + 1}`);
    const instance = instanceOfPddl(domain, String(fields.get('pddl')));
    if (instance === undefined)
      throw new UsageError(`${file}:${at + 1}: expected a PDDL problem of ${domain}`);
    const id = `${domain}-${fields.get('instance_id')}`;
    if (!known.has(id)) known.set(id, instance);
  }
}

function parsed(text: string, where: string): Map<string, unknown> {
  try {
    return new Map(Object.entries(JSON.parse(text) ?? {}));
  } catch {
    throw new UsageError(`${where}: expected a JSON object, got ${JSON.stringify(text.slice(0, 60))}`);
  }
}

function word(isValid: boolean): string {
  return isValid ? 'valid' : 'not valid';
}

process.exitCode = main(process.argv.slice(2));
