/**
 * Any JSON-lines file as a task: one object per line with a prompt and a gold answer, judged by a named
 * verifier. GSM8K works as it is shipped, with `prompt_field: question` and `verifier: numeric`.
 * @module
 */

import { BINARY_REWARD } from '../../grade/verdict.ts';
import {
  type AnswerVerifier,
  createVerifier,
  VERIFIER_NAMES,
  type VerifierName,
} from '../../grade/verifier.ts';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { readOptions } from '../../support/options.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { lineError } from '../shared/json-lines.ts';
import { type Partition, type PlacedRecord, partition, type Source } from './partition.ts';
import { readRecords } from './records.ts';

export interface JsonlOptions {
  /**
   * File of the train split; also of the splits that have no file of their own. Undefined: there is only
   * `testPath`, to measure on.
   */
  readonly path: string | undefined;
  /** File of the validation split; undefined (default): 15% of the prompts of `path`. */
  readonly validationPath: string | undefined;
  /** File of the test split; undefined (default): another 15% of the prompts of `path`. */
  readonly testPath: string | undefined;
  /** Default `prompt`. */
  readonly promptField: string;
  /** Default `answer`. */
  readonly answerField: string;
  /** Field with a text that solves the item; undefined (default): the answer's text. */
  readonly demonstrationField: string | undefined;
  /** Field that says how hard an item is; undefined (default): none does. */
  readonly difficultyField: string | undefined;
  /** The prompt, with `{field}` wherever a field goes; undefined (default): the prompt field alone. */
  readonly promptTemplate: string | undefined;
  /** Default `exact`. */
  readonly verifier: VerifierName;
  /** For `exact`: whether upper and lower case are the same. Default false. */
  readonly ignoreCase: boolean;
}

export const DEFAULT_JSONL: JsonlOptions = {
  path: undefined,
  validationPath: undefined,
  testPath: undefined,
  promptField: 'prompt',
  answerField: 'answer',
  demonstrationField: undefined,
  difficultyField: undefined,
  promptTemplate: undefined,
  verifier: 'exact',
  ignoreCase: false,
};

/**
 * Reads YAML options: `path` (required unless `test_path` is all there is), `validation_path`, `test_path`,
 * `prompt_field`, `answer_field`, `demonstration_field`, `difficulty_field`, `prompt_template`, `verifier`,
 * `ignore_case`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readJsonlOptions(record: Readonly<Record<string, unknown>>): JsonlOptions {
  const options = readOptions('task jsonl', record);
  const d = DEFAULT_JSONL;
  const read: JsonlOptions = {
    path: options.optionalText('path'),
    validationPath: options.optionalText('validation_path'),
    testPath: options.optionalText('test_path'),
    promptField: options.text('prompt_field', d.promptField),
    answerField: options.text('answer_field', d.answerField),
    demonstrationField: options.optionalText('demonstration_field'),
    difficultyField: options.optionalText('difficulty_field'),
    promptTemplate: options.optionalText('prompt_template'),
    verifier: options.choice('verifier', VERIFIER_NAMES, d.verifier),
    ignoreCase: options.boolean('ignore_case', d.ignoreCase),
  };
  const isForMeasuring = read.testPath !== undefined && read.validationPath === undefined;
  if ((record.path ?? undefined) === undefined && !isForMeasuring)
    options.reject('path', 'expected the name of a JSON-lines file, got nothing');
  if (read.ignoreCase && read.verifier !== 'exact')
    options.reject('ignore_case', `expected false with verifier ${read.verifier}, got true`);
  options.finish();
  return read;
}

/**
 * Reads the files and checks every line: gold answers must be such that the verifier accepts them.
 *
 * @throws ConfigError naming file and line of the first record that cannot be used
 */
export function createJsonl(given: Partial<JsonlOptions>): Task {
  const options: JsonlOptions = { ...DEFAULT_JSONL, ...given };
  const source = (path: string): Source => ({
    path,
    records: readRecords(path, {
      prompt: options.promptField,
      answer: options.answerField,
      demonstration: options.demonstrationField,
      difficulty: options.difficultyField,
      template: options.promptTemplate,
    }),
  });
  const sorted = partition({
    ...(options.path === undefined ? {} : { train: source(options.path) }),
    ...(options.validationPath === undefined ? {} : { validation: source(options.validationPath) }),
    ...(options.testPath === undefined ? {} : { test: source(options.testPath) }),
  });
  if (options.path !== undefined && sorted.splits.train.length === 0)
    throw new ConfigError(
      `task jsonl: expected records for the train split in ${options.path}, got none; ${sorted.warnings[0]}`,
      { code: 'TROUPE_TASK_EMPTY_SPLIT' },
    );
  return new JsonlTask(sorted, createVerifier(options.verifier, options));
}

class JsonlTask implements Task {
  readonly name = 'jsonl';
  readonly rewardRange = BINARY_REWARD;
  readonly warnings: readonly string[];
  readonly #records: Partition['splits'];
  readonly #gold = new Map<PlacedRecord, string>();
  readonly #verifier: AnswerVerifier;
  #alphabet: string | undefined;

  constructor({ splits, warnings }: Partition, verifier: AnswerVerifier) {
    this.#records = splits;
    this.warnings = warnings;
    this.#verifier = verifier;
    for (const record of [...splits.train, ...splits.validation, ...splits.test])
      this.#gold.set(record, goldOf(record, verifier));
  }

  /** Every character of the files' prompts, answers and demonstrations, in code point order. */
  get alphabet(): string {
    if (this.#alphabet === undefined) {
      const characters = new Set<string>();
      for (const { prompt, asked = prompt, answer, demonstration } of this.#gold.keys())
        for (const character of asked + answer + demonstration) characters.add(character);
      this.#alphabet = [...characters].sort().join('');
    }
    return this.#alphabet;
  }

  size(split: Split): number {
    return this.#records[split].length;
  }

  item(split: Split, index: number): TaskItem {
    const record = this.#records[split][index];
    if (record === undefined)
      throw new TaskError(
        `task jsonl: expected an index from 0 to ${this.size(split) - 1} in the ${split} split, got ${index}`,
        { code: 'TROUPE_TASK_INDEX' },
      );
    return {
      id: `${split}:${record.line}`, // a split's records come from one file
      prompt: record.asked ?? record.prompt,
      ...(record.asked === undefined ? {} : { problem: record.prompt }),
      ...(record.difficulty === undefined ? {} : { difficulty: record.difficulty }),
      answer: this.#gold.get(record) as string, // every record was given its gold answer above
      data: record,
    };
  }

  verify(item: TaskItem, text: string): Verdict {
    return this.#verifier.verify(item.answer ?? '', text);
  }

  answerOf(text: string): string | undefined {
    return this.#verifier.answerOf(text);
  }

  demonstrate(item: TaskItem): Demonstration {
    return { messages: [(item.data as PlacedRecord).demonstration] };
  }
}

function goldOf(record: PlacedRecord, verifier: AnswerVerifier): string {
  const gold = verifier.readGold(record.answer);
  if (gold === undefined)
    throw lineError(
      record,
      `expected ${verifier.expects} in the gold answer, got none; fix the line or choose another verifier`,
    );
  return gold;
}
