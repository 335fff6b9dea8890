/**
 * The sections of a team file about measuring: what on, how often, and keeping it out of training.
 * @module
 */
import { z } from 'zod';
import { choice, integer, number, show, text } from './fields.ts';
import { taskSection } from './sections.ts';

/** A benchmark by name, or a set of the user's own: a task section. */
const benchmarkEntry = z.union(
  [
    text('the name of a benchmark'),
    z.strictObject({
      name: text('the name of a benchmark').describe(
        'Name in reports; of a known benchmark unless `task` is set.',
      ),
      data: text('a file')
        .optional()
        .describe('Its file, relative to this one. Default: looked for in `eval.data`.'),
      task: taskSection.optional().describe('A set of your own: its task, measured on `split`.'),
      split: choice(['train', 'validation', 'test']).optional().describe('Split of `task`. Default: test.'),
      k: integer({ min: 1 })
        .optional()
        .describe("Samples per prompt. Default: the paper's; of your own `eval.k`."),
      prompts: integer({ min: 1 })
        .optional()
        .describe('First so many prompts. Default: all; of your own `eval.prompts`.'),
      temperature: number({ above: 0 })
        .optional()
        .describe("Default: the paper's 0.8; of your own `train.temperature`."),
      max_completion_length: integer({ min: 1 })
        .optional()
        .describe(
          "Most tokens of a message. Default: the paper's 32768; of your own `train.max_completion_length`.",
        ),
    }),
  ],
  {
    error: (issue) =>
      `expected the name of a benchmark or a section with a name (name, data, task, split, k, prompts, temperature, max_completion_length), got ${show(issue.input)}`,
  },
);

/** How the team file names something to be measured on. */
export type BenchmarkEntry = z.output<typeof benchmarkEntry>;

const benchmarkList = () =>
  z.array(benchmarkEntry, { error: (issue) => `expected a list of benchmarks, got ${show(issue.input)}` });

export const evalSection = z
  .strictObject({
    prompts: integer({ min: 2 }).default(256).describe('Test prompts of the before/after comparison.'),
    k: integer({ min: 1 }).default(8).describe('Samples per prompt of `troupe eval`.'),
    stage_prompts: integer({ min: 0 })
      .default(0)
      .describe(
        'Test prompts played after every stage, one episode each, the same every time; 0: none. `troupe compare` reads them.',
      ),
    benchmarks: benchmarkList()
      .default([])
      .describe(
        'What `troupe eval --benchmark all` measures on, and what `troupe train` keeps out of training (`contamination`): names, or sections with a name ([evaluation.md](evaluation.md)).',
      ),
    data: text('a folder').optional().describe('Folder with the files of benchmarks, relative to this file.'),
    early_stop: choice(['off', 'exact', 'probable'])
      .default('off')
      .describe(
        'Whether `troupe eval --benchmark` stops sampling a prompt early: exact: once the winner of the K votes cannot change; probable: once every other answer is refuted at `early_stop_error`.',
      ),
    early_stop_error: number({ above: 0, below: 1 })
      .default(0.05)
      .describe('Most probability, per prompt, that the full vote would have another winner.'),
  })
  .prefault({})
  .describe('Evaluation.');

export const contaminationSection = z
  .strictObject({
    sets: benchmarkList()
      .optional()
      .describe('Evaluation sets whose problems must not be trained on. Default: `eval.benchmarks`.'),
    action: choice(['refuse', 'drop', 'off'])
      .default('refuse')
      .describe(
        'What `troupe train` does about train and validation prompts that occur in them: refuse to start and name them, leave them out, or not look.',
      ),
  })
  .prefault({})
  .describe('Keeping evaluation problems out of training.');
