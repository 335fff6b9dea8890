/**
 * `npm run verify-plans -- FILE... [--text-only]`: judges plans of PlanBench's task 1 and lists every verdict that
 * is not the expected one. A FILE is
 *
 * * an official task file (`.json` with `domain` and `instances`): every reference plan should be valid; or
 * * JSON lines of answers `{domain, instance_id, raw_response, extracted_plan?, valid}`: every verdict should be
 *   `valid`. The problems are looked up in the task files named too, then in the PDDL problems beside the file
 *   (`DOMAIN_instances.jsonl` of `{instance_id, pddl}`): some answers are to instances that task files only show
 *   as an example.
 *
 * Upstream had a language model read the plans of some answers, and its reading cannot be computed from the text.
 * Where `extracted_plan` is recorded and is another plan than the rules read, the recorded one is judged, whatever
 * comes of it, and verdicts that the text alone would have got are listed first. `--text-only` ignores it.
 *
 * Ends in `N agree, M disagree`. Exit 0 if all was judged, whatever the verdicts; 2 if a file cannot be used.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Verdict } from '../src/task/task.ts';
import {
  instanceOfPddl,
  type Judged,
  readInstances,
  readRecordedPlan,
} from '../src/tasks/planbench/instances.ts';
import { judgeAnswer, judgeSteps } from '../src/tasks/planbench/planbench.ts';
import { planText } from '../src/tasks/planning/strips.ts';
import { assertFile } from './named-file.ts';

interface Case {
  readonly name: string;
  readonly expected: boolean;
  readonly verdict: Verdict;
  /** The verdict on what the rules read, where another reading was judged. */
  readonly ofText?: Verdict;
}

interface Options {
  readonly known: Map<string, Judged>;
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
    const known = new Map<string, Judged>();
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
      `${recorded.length} answers judged by the official reading on record, which is not what the rules read; ` +
        `by the rules ${others.length} of them would get another verdict:`,
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
    verdict: judgeSteps(instance, instance.reference),
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
  const one = { name: `${where} ${id}`, expected: valid, verdict: judgeAnswer(instance, answer) };
  const recorded = fields.get('extracted_plan');
  if (textOnly || typeof recorded !== 'string') return one;
  const plan = readRecordedPlan(instance, recorded);
  const read = instance.domain.readPlan(answer);
  if (planText(plan) === ('plan' in read ? planText(read.plan) : '')) return one;
  return { ...one, verdict: judgeSteps(instance, plan), ofText: one.verdict };
}

/** Adds the problems of a file that are not known yet. */
function readPddlFile(
  file: string,
  { domain, known }: { readonly domain: string; readonly known: Map<string, Judged> },
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
