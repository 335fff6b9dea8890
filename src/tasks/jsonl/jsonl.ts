/**
 * The task `jsonl`: a JSON-lines file with a prompt and a gold answer per line, and a verifier selected by
 * name. The published files of GSM8K need no conversion; use `prompt_field: question` and
 * `verifier: numeric`.
 * @module
 */
import { z } from 'zod';
import { BINARY_REWARD } from '../../grade/verdict.ts';
import {
  type AnswerVerifier,
  createVerifier,
  VERIFIER_NAMES,
  type VerifierName,
} from '../../grade/verifier.ts';
import { choice, flag, text } from '../../schema/fields.ts';
import { rejectOption } from '../../schema/options.ts';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { lineError } from '../shared/json-lines.ts';
import { type FileRecord, type Partition, partition, type Source } from './partition.ts';
import { DEFAULT_PROMPT, readRecords } from './records.ts';

export interface JsonlOptions {
  /**
   * File of the train split, and of the splits without a file of their own. May be undefined if there is a
   * `testPath`, for evaluation only.
   */
  readonly path?: string | undefined;
  /** File of the validation split; undefined (default): 15% of the prompts of `path`. */
  readonly validationPath?: string | undefined;
  /** File of the test split; undefined (default): another 15% of the prompts of `path`. */
  readonly testPath?: string | undefined;
  /** Default `prompt`. */
  readonly promptField: string;
  /** Default `answer`. */
  readonly answerField: string;
  /**
   * Field with a text that solves the problem, for demonstrations; undefined (default): the answer is used.
   */
  readonly demonstrationField?: string | undefined;
  /** Field with the difficulty of the problem; undefined (default): problems have no difficulty. */
  readonly difficultyField?: string | undefined;
  /**
   * Template of the prompt, in which `{field}` is replaced by the text of a field; undefined (default): the
   * prompt is the prompt field alone.
   */
  readonly promptTemplate?: string | undefined;
  /** Default `exact`. */
  readonly verifier: VerifierName;
  /** For the verifier `exact`: whether to ignore the case of letters. Default false. */
  readonly ignoreCase: boolean;
}

export const DEFAULT_JSONL: JsonlOptions = {
  path: undefined,
  validationPath: undefined,
  testPath: undefined,
  promptField: DEFAULT_PROMPT,
  answerField: 'answer',
  demonstrationField: undefined,
  difficultyField: undefined,
  promptTemplate: undefined,
  verifier: 'exact',
  ignoreCase: false,
};

const file = () => text('the name of a JSON-lines file');

/** The task `jsonl` of a team file. */
export const jsonl = defineTask({
  name: 'jsonl',
  about: 'any JSON-lines file with prompts and answers, graded by a named verifier',
  options: z
    .strictObject({
      path: file()
        .optional()
        .describe(
          'Records of `train`, and of the splits without a file of their own. May be absent if `test_path` alone is set, for evaluation.',
        ),
      validation_path: file().optional().describe('Records of `validation`. Default: 15% of `path`.'),
      test_path: file().optional().describe('Records of `test`. Default: 15% of `path`.'),
      prompt_field: text('the name of a field')
        .default(DEFAULT_PROMPT)
        .describe('Field with the prompt. Not needed if `prompt_template` names the fields.'),
      answer_field: text('the name of a field')
        .default('answer')
        .describe('Field with the gold answer: a text, a number or a boolean.'),
      demonstration_field: text('the name of a field')
        .optional()
        .describe('Field with a text that solves the problem, for pretraining. Default: the answer.'),
      difficulty_field: text('the name of a field')
        .optional()
        .describe('Field with a difficulty; reports are broken down by it.'),
      prompt_template: text('a text with {field} placeholders')
        .optional()
        .describe(
          'Template of the prompt, with `{field}` for the text of a field and `{{word}}` for literal braces. Default: the prompt field alone.',
        ),
      verifier: choice(VERIFIER_NAMES).default('exact').describe('How answers are compared.'),
      ignore_case: flag().default(false).describe('For `exact`: whether upper and lower case are equal.'),
    })
    .superRefine(({ path, validation_path, test_path, ignore_case, verifier }, context) => {
      const isForEvaluation = test_path !== undefined && validation_path === undefined;
      if (path === undefined && !isForEvaluation)
        rejectOption(context, 'path', 'expected the name of a JSON-lines file, got nothing');
      if (ignore_case && verifier !== 'exact')
        rejectOption(context, 'ignore_case', `expected false with verifier ${verifier}, got true`);
    }),
  create: (options) => createJsonl(options),
});

/**
 * Reads the files and checks that the verifier can read the gold answer of every line.
 *
 * @throws ConfigError with file and line of the first invalid record
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
  const divided = partition({
    ...(options.path === undefined ? {} : { train: source(options.path) }),
    ...(options.validationPath === undefined ? {} : { validation: source(options.validationPath) }),
    ...(options.testPath === undefined ? {} : { test: source(options.testPath) }),
  });
  if (options.path !== undefined && divided.splits.train.length === 0)
    throw new ConfigError(
      `task jsonl: expected records for the train split in ${options.path}, got none; ${divided.warnings[0]}`,
      { code: 'TROUPE_TASK_EMPTY_SPLIT' },
    );
  return new JsonlTask(divided, createVerifier(options.verifier, options));
}

class JsonlTask implements Task {
  readonly name = 'jsonl';
  readonly rewardRange = BINARY_REWARD;
  readonly warnings: readonly string[];
  readonly #records: Partition['splits'];
  readonly #gold = new Map<FileRecord, string>();
  readonly #verifier: AnswerVerifier;
  #alphabet: string | undefined;

  constructor({ splits, warnings }: Partition, verifier: AnswerVerifier) {
    this.#records = splits;
    this.warnings = warnings;
    this.#verifier = verifier;
    for (const record of [...splits.train, ...splits.validation, ...splits.test])
      this.#gold.set(record, goldOf(record, verifier));
  }

  /** Returns all characters of prompts, answers and demonstrations, in code point order. */
  get alphabet(): string {
    if (this.#alphabet === undefined) {
      const characters = new Set<string>();
      for (const { prompt, templated = prompt, answer, demonstration } of this.#gold.keys())
        for (const character of templated + answer + demonstration) characters.add(character);
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
      id: `${split}:${record.line}`, // the records of a split come from one file
      prompt: record.templated ?? record.prompt,
      ...(record.templated === undefined ? {} : { problem: record.prompt }),
      ...(record.difficulty === undefined ? {} : { difficulty: record.difficulty }),
      answer: this.#gold.get(record) as string, // the constructor sets the gold answer of every record
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
    return { messages: [(item.data as FileRecord).demonstration] };
  }
}

function goldOf(record: FileRecord, verifier: AnswerVerifier): string {
  const gold = verifier.readGold(record.answer);
  if (gold === undefined)
    throw lineError(
      record,
      `expected ${verifier.expects} in the gold answer, got none; fix the line or choose another verifier`,
    );
  return gold;
}
