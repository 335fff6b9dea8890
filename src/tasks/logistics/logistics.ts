/**
 * The task `logistics`: an unlimited number of generated problems, in which packages are moved between places by
 * trucks and airplanes. `compact` prompts are short; `planbench` prompts are PlanBench's, word for word.
 * @module
 */
import { type OptionReader, readOptions } from '../../support/options.ts';
import type { Task } from '../../task/task.ts';
import { ANY_ACTIONS } from '../planning/action-range.ts';
import { createGeneratedTask, planbenchAlphabet } from '../planning/generated-task.ts';
import { DEFAULT_GENERATOR, type GeneratorOptions, readGeneratorOptions } from '../planning/generator.ts';
import type { ProblemInWords } from '../planning/planbench-prompt.ts';
import { ANSWER_MARKER } from '../shared/habit.ts';
import { demonstrationParts } from './demonstration-parts.ts';
import { LOGISTICS } from './domain.ts';
import {
  COMPACT_CHARACTERS,
  compactPrompt,
  MOST_AIRPLANES,
  MOST_PACKAGES,
  MOST_PLACES,
  readCompactPlan,
} from './notation.ts';
import { factsText, LOGISTICS_INTRODUCTION, planLines, readPlan } from './planbench-text.ts';
import { drawPuzzle, type Layout, type Puzzle, type PuzzleShape, problemOf, solved } from './puzzle.ts';

export interface LogisticsOptions extends PuzzleShape, GeneratorOptions {}

/** Two cities of two places, one airplane, one or two packages. */
export const DEFAULT_LOGISTICS: LogisticsOptions = {
  cities: 2,
  locations: 2,
  airplanes: 1,
  minPackages: 1,
  maxPackages: 2,
  ...ANY_ACTIONS,
  ...DEFAULT_GENERATOR,
};

/**
 * Reads YAML options: `cities` (1..5), `locations` (1..6), `airplanes` (1..5), `min_packages` and `max_packages`
 * (1..6), `min_actions`, `max_actions`, and those of `readGeneratorOptions`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readLogisticsOptions(record: Readonly<Record<string, unknown>>): LogisticsOptions {
  const options = readOptions('task logistics', record);
  const read = { ...readShape(options), ...readGeneratorOptions(options) };
  options.finish();
  return read;
}

function readShape(options: OptionReader): PuzzleShape {
  const d = DEFAULT_LOGISTICS;
  const cities = options.integer('cities', { default: d.cities, min: 1, max: 5 });
  const locations = options.integer('locations', { default: d.locations, min: 1, max: 6 });
  const airplanes = options.integer('airplanes', { default: d.airplanes, min: 1, max: MOST_AIRPLANES });
  const minPackages = options.integer('min_packages', { default: d.minPackages, min: 1, max: MOST_PACKAGES });
  const maxPackages = options.integer('max_packages', {
    default: Math.max(minPackages, d.maxPackages),
    min: 1,
    max: MOST_PACKAGES,
  });
  const minActions = options.integer('min_actions', { default: d.minActions, min: 1, max: 100 });
  const maxActions = options.integer('max_actions', { default: d.maxActions, min: 1, max: 100 });
  const places = cities * locations;
  if (places < 2 || places > MOST_PLACES)
    options.reject('locations', `expected 2 to ${MOST_PLACES} places in all cities together, got ${places}`);
  if (maxPackages < minPackages)
    options.reject('max_packages', `expected min_packages (${minPackages}) or more, got ${maxPackages}`);
  if (maxActions < minActions)
    options.reject('max_actions', `expected min_actions (${minActions}) or more, got ${maxActions}`);
  return { cities, locations, airplanes, minPackages, maxPackages, minActions, maxActions };
}

export function createLogistics(partial: Partial<LogisticsOptions> = {}): Task {
  const options = { ...DEFAULT_LOGISTICS, ...partial };
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

function inWords(puzzle: Puzzle): ProblemInWords {
  const { init, goal } = problemOf(puzzle);
  return { initial: factsText(init), goal: factsText(goal), plan: planLines(puzzle.plan) };
}
