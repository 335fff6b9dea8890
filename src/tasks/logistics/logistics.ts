/**
 * The task `logistics`: endless generated problems, in which trucks and airplanes move packages between
 * places. `compact` prompts are short; `planbench` prompts have exactly PlanBench's wording.
 * @module
 */
import { z } from 'zod';
import { integer } from '../../schema/fields.ts';
import { type GivenOptions, rejectOption, requireAtLeast, withDefaults } from '../../schema/options.ts';
import { defineTask } from '../../task/definition.ts';
import type { Task } from '../../task/task.ts';
import { ANY_ACTIONS } from '../planning/action-range.ts';
import { createGeneratedTask, planbenchAlphabet } from '../planning/generated-task.ts';
import { DEFAULT_GENERATOR, type GeneratorOptions, generatorOptions } from '../planning/generator.ts';
import type { ProblemInWords } from '../planning/planbench-prompt.ts';
import { ANSWER_MARKER } from '../shared/response-style.ts';
import { demonstrationParts } from './demonstration-parts.ts';
import { LOGISTICS } from './domain.ts';
import {
  COMPACT_CHARACTERS,
  compactPrompt,
  MAX_AIRPLANES,
  MAX_PACKAGES,
  MAX_PLACES,
  readCompactPlan,
} from './notation.ts';
import { factsText, LOGISTICS_INTRODUCTION, planLines, readPlan } from './planbench-text.ts';
import { drawPuzzle, type Layout, type Puzzle, type PuzzleShape, problemOf, solved } from './puzzle.ts';

export interface LogisticsOptions extends PuzzleShape, GeneratorOptions {}

/** Default options: two cities with two places each, one airplane, one or two packages. */
export const DEFAULT_LOGISTICS: LogisticsOptions = {
  cities: 2,
  locations: 2,
  airplanes: 1,
  minPackages: 1,
  maxPackages: 2,
  ...ANY_ACTIONS,
  ...DEFAULT_GENERATOR,
};

/** The task `logistics` of a team file. */
export const logistics = defineTask({
  name: 'logistics',
  about:
    'packages to bring by truck and airplane, in a compact notation or in the words of PlanBench, endless',
  options: z
    .strictObject({
      cities: integer({ min: 1, max: 5 }).default(2).describe('Cities, each with one truck and one airport.'),
      locations: integer({ min: 1, max: 6 })
        .default(2)
        .describe(`Places of each city, airport included; at most ${MAX_PLACES} in all cities together.`),
      airplanes: integer({ min: 1, max: MAX_AIRPLANES }).default(1).describe('Airplanes.'),
      min_packages: integer({ min: 1, max: MAX_PACKAGES })
        .default(1)
        .describe('Fewest packages of a problem.'),
      max_packages: integer({ min: 1, max: MAX_PACKAGES })
        .optional()
        .describe('Most packages of a problem. Default: 2, or `min_packages` if that is larger.'),
      ...generatorOptions,
    })
    .superRefine((options, context) => {
      const { cities, locations, min_packages, max_packages, min_actions, max_actions } = options;
      const places = cities * locations;
      if (places < 2 || places > MAX_PLACES)
        rejectOption(
          context,
          'locations',
          `expected 2 to ${MAX_PLACES} places in all cities together, got ${places}`,
        );
      requireAtLeast(context, ['max_packages', max_packages], ['min_packages', min_packages]);
      requireAtLeast(context, ['max_actions', max_actions], ['min_actions', min_actions]);
    }),
  create: (options) => createLogistics(options),
});

export function createLogistics(given: GivenOptions<LogisticsOptions> = {}): Task {
  const options = resolveOptions(given);
  return createGeneratedTask<Layout, Puzzle>(
    {
      domain: LOGISTICS,
      draw: (stream) => drawPuzzle(options, stream),
      help: 'min_actions or max_actions',
      key: compactPrompt,
      solve: solved,
      problem: problemOf,
      compactPrompt,
      readCompact: (text) => readCompactPlan(text, options),
      introduction: LOGISTICS_INTRODUCTION,
      inWords,
      readPlanbench: readPlan,
      demonstrationParts: (puzzle) => demonstrationParts(puzzle, options.style),
      alphabet:
        options.style === 'compact'
          ? `${COMPACT_CHARACTERS}=;${ANSWER_MARKER}`
          : planbenchAlphabet(LOGISTICS_INTRODUCTION, '0123456789'),
    },
    options,
  );
}

function resolveOptions(given: GivenOptions<LogisticsOptions>): LogisticsOptions {
  const options = withDefaults(DEFAULT_LOGISTICS, given);
  const { minPackages, maxPackages } = options;
  return { ...options, maxPackages: given.maxPackages ?? Math.max(minPackages, maxPackages) };
}

function inWords(puzzle: Puzzle): ProblemInWords {
  const { init, goal } = problemOf(puzzle);
  return { initial: factsText(init), goal: factsText(goal), plan: planLines(puzzle.plan) };
}
