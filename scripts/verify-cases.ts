/**
 * `npm run verify-cases -- FILE [--mode MODE] [--truth FIELD] [--exclude FIELD=VALUE]`: verifies JSON lines of
 * `{gold, prediction, equal}` and lists every verdict that differs from the expected one.
 *
 * * `--mode`: `equivalent` (default) or `strict-deepscaler`;
 * * `--truth`: the field with the expected verdict, default `equal`; `agreed`: the verdict of both `deepscaler` and
 *   `math_verify`, without the lines on which they differ. For files that have these two fields and no `equal`, the
 *   default is `agreed`, or `deepscaler` in strict mode;
 * * `--exclude kind=deg_unicode`: skips lines with this value; may be repeated.
 *
 * In strict mode a prediction without a box is read as the content of a box. Exit code 0 if the file was processed;
 * the verdicts do not change it. Exit code 2 if the file cannot be used.
 * @module
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compareAnswers, MATH_MODES, type MathMode, verifyMath } from '../src/grade/math/verify.ts';
import { assertFile } from './named-file.ts';

const SHOWN = 100;

interface Case {
  readonly line: number;
  readonly fields: ReadonlyMap<string, unknown>;
  readonly gold: string;
  readonly prediction: string;
}

interface Options {
  readonly file: string;
  readonly mode: MathMode;
  readonly truth: string | undefined;
  readonly exclude: readonly (readonly [field: string, value: string])[];
}

class UsageError extends Error {}

function main(args: readonly string[]): number {
  try {
    run(readArguments(args));
    return 0;
  } catch (error) {
    console.error(`verify-cases: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

function readArguments(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      mode: { type: 'string', default: 'equivalent' },
      truth: { type: 'string' },
      exclude: { type: 'string', multiple: true, default: [] },
    },
  });
  const [file] = positionals;
  const mode = MATH_MODES.find((name) => name === values.mode);
  if (file === undefined || positionals.length > 1)
    throw new UsageError(`expected one file, got ${positionals.length}`);
  if (!mode) throw new UsageError(`--mode: expected ${MATH_MODES.join(' or ')}, got "${values.mode}"`);
  const exclude = values.exclude.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--exclude: expected FIELD=VALUE, got "${text}"`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return { file, mode, truth: values.truth, exclude };
}

function run({ file, mode, truth, exclude }: Options): void {
  const cases = readCases(file);
  const field = truth ?? defaultTruth(cases, mode);
  let agree = 0;
  let disagree = 0;
  let leftOut = 0;
  for (const one of cases) {
    const expected = exclude.some(([name, value]) => String(one.fields.get(name)) === value)
      ? undefined
      : expectedVerdict(one, field, file);
    if (expected === undefined) {
      leftOut++;
      continue;
    }
    const { correct, reason } = verdict(one, mode);
    if (correct === expected) agree++;
    else {
      disagree++;
      console.log(
        `${nameOf(one)}: expected ${word(expected)}, got ${word(correct)}: gold ${shown(one.gold)}, ` +
          `prediction ${shown(one.prediction)} (${reason})`,
      );
    }
  }
  if (leftOut > 0) console.log(`${leftOut} lines left out`);
  console.log(`${agree} agree, ${disagree} disagree`);
}

function verdict({ gold, prediction }: Case, mode: MathMode) {
  if (mode === 'equivalent' || prediction.includes('\\boxed')) return verifyMath(gold, prediction, mode);
  const { same, reason } = compareAnswers(gold, prediction, mode);
  return { correct: same, reason };
}

function readCases(file: string): Case[] {
  assertFile(file);
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, index) =>
      text.trim() === '' ? [] : [readCase(text, `${file}:${index + 1}`, index + 1)],
    );
}

function readCase(text: string, place: string, line: number): Case {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${place}: expected a JSON object, got ${shown(text)}`);
  }
  const fields = new Map<string, unknown>(Object.entries(value ?? {}));
  const [gold, prediction] = [fields.get('gold'), fields.get('prediction')];
  if (typeof gold !== 'string' || typeof prediction !== 'string')
    throw new UsageError(`${place}: expected texts "gold" and "prediction", got ${shown(text)}`);
  return { line, fields, gold, prediction };
}

function defaultTruth(cases: readonly Case[], mode: MathMode): string {
  const first = cases[0]?.fields;
  if (!first || first.has('equal') || !first.has('deepscaler')) return 'equal';
  return mode === 'equivalent' ? 'agreed' : 'deepscaler';
}

/** Returns the expected verdict, or undefined if the two reference graders disagree. */
function expectedVerdict({ fields, line }: Case, field: string, file: string): boolean | undefined {
  if (field === 'agreed') {
    const [one, other] = [fields.get('deepscaler'), fields.get('math_verify')];
    return one === other && typeof one === 'boolean' ? one : undefined;
  }
  const value = fields.get(field);
  if (typeof value !== 'boolean')
    throw new UsageError(
      `${file}:${line}: expected true or false in "${field}", got ${JSON.stringify(value)}`,
    );
  return value;
}

function nameOf({ line, fields }: Case): string {
  const details = ['id', 'kind', 'category'].flatMap((name) => fields.get(name) ?? []);
  return [`line ${line}`, ...details].join(' ');
}

function word(isEqual: boolean): string {
  return isEqual ? 'equal' : 'different';
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `...${text.slice(-SHOWN)}` : text);
}

process.exitCode = main(process.argv.slice(2));
