/**
 * Sections of a team file about evaluation: benchmarks, numbers of prompts, and contamination of the training
 * data.
 * @module
 */
import { z } from 'zod';
import { choice, integer, number, show, text } from '../schema/fields.ts';
import { renamedSplitHint } from '../support/renamed-names.ts';
import { taskSection } from './sections.ts';

/** The name of a known benchmark, or a custom benchmark with a task section. */
const benchmarkEntry = z.union(
  [
    text('the name of a benchmark'),
    z.strictObject({
      name: text('the name of a benchmark').describe(
        'Name in reports; must be a known benchmark unless `task` is set.',
      ),
      data: text('a file')
        .optional()
        .describe('File of the benchmark, relative to this file. Default: searched in `eval.data`.'),
      task: taskSection.optional().describe('Task of a custom benchmark, evaluated on `split`.'),
      split: choice(['train', 'validation', 'test']).optional().describe('Split of `task`. Default: test.'),
      k: integer({ min: 1 })
        .optional()
        .describe("Samples per prompt. Default: the paper's; for a custom benchmark `eval.k`."),
      prompts: integer({ min: 1 })
        .optional()
        .describe('Number of prompts, from the first. Default: all; for a custom benchmark `eval.prompts`.'),
      temperature: number({ above: 0 })
        .optional()
        .describe(
          "Sampling temperature. Default: the paper's 0.8; for a custom benchmark `train.temperature`.",
        ),
      max_completion_length: integer({ min: 1 })
        .optional()
        .describe(
          "Maximum tokens of a message. Default: the paper's 32768; for a custom benchmark `train.max_completion_length`.",
        ),
    }),
  ],
  {
    error: (issue) =>
      `expected the name of a benchmark or a section with a name (name, data, task, split, k, prompts, temperature, max_completion_length), got ${show(issue.input)}${splitHint(issue.input)}`,
  },
);

/** Returns a hint with the new name of the split if the entry uses an old name, else ''. */
function splitHint(entry: unknown): string {
  const isSection = typeof entry === 'object' && entry !== null && 'split' in entry;
  return isSection ? renamedSplitHint(entry.split) : '';
}

/** An entry of a list of benchmarks in a team file. */
export type BenchmarkEntry = z.output<typeof benchmarkEntry>;

const benchmarkList = () =>
  z.array(benchmarkEntry, { error: (issue) => `expected a list of benchmarks, got ${show(issue.input)}` });

export const evalSection = z
  .strictObject({
    prompts: integer({ min: 2 })
      .default(256)
      .describe('Prompts of the test split in the comparison before/after training.'),
    k: integer({ min: 1 }).default(8).describe('Samples per prompt of `troupe eval`.'),
    stage_prompts: integer({ min: 0 })
      .default(0)
      .describe(
        'Prompts of the test split that are played after every stage, one episode each, always the same prompts; 0: none. `troupe compare` uses their rewards.',
      ),
    benchmarks: benchmarkList()
      .default([])
      .describe(
        'Benchmarks of `troupe eval --benchmark all`, which `troupe train` keeps out of the training data (`contamination`): names, or sections with a name ([evaluation.md](evaluation.md)).',
      ),
    data: text('a folder')
      .optional()
      .describe('Folder with the files of the benchmarks, relative to this file.'),
    early_stop: choice(['off', 'exact', 'probable'])
      .default('off')
      .describe(
        'Early stop of the samples of a prompt in `troupe eval --benchmark`. exact: as soon as the winner of the K votes cannot change. probable: as soon as every other answer is rejected at `early_stop_error`.',
      ),
    early_stop_error: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('Maximum probability per prompt that the full vote has another winner.'),
  })
  .prefault({})
  .describe('Evaluation.');

export const contaminationSection = z
  .strictObject({
    sets: benchmarkList()
      .optional()
      .describe('Benchmarks whose problems must not be in the training data. Default: `eval.benchmarks`.'),
    action: choice(['refuse', 'drop', 'off'])
      .default('refuse')
      .describe(
        'Handling of train and validation prompts that occur in the benchmarks. refuse: `troupe train` lists them and does not start. drop: they are not used. off: no check.',
      ),
  })
  .prefault({})
  .describe('Contamination check: keeps problems of benchmarks out of the training data.');
