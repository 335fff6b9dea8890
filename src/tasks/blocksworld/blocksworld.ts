/**
 * The task `blocksworld`: endless generated problems, in which towers of blocks are rebuilt one block at a
 * time. `compact` prompts are short enough for a character-level model with less than a million parameters.
 * `planbench` prompts have exactly PlanBench's wording.
 * @module
 */
import { z } from 'zod';
import { choice, integer } from '../../schema/fields.ts';
import { type GivenOptions, requireAtLeast, withDefaults } from '../../schema/options.ts';
import { defineTask } from '../../task/definition.ts';
import type { Task } from '../../task/task.ts';
import { ANY_ACTIONS } from '../planning/action-range.ts';
import { createGeneratedTask, planbenchAlphabet } from '../planning/generated-task.ts';
import { DEFAULT_GENERATOR, type GeneratorOptions, generatorOptions } from '../planning/generator.ts';
import type { ProblemInWords } from '../planning/planbench-prompt.ts';
import { ANSWER_MARKER } from '../shared/response-style.ts';
import { demonstrationParts } from './demonstration-parts.ts';
import { BLOCKSWORLD } from './domain.ts';
import { COMPACT_CHARACTERS, compactPrompt, readCompactPlan } from './notation.ts';
import {
  BLOCKSWORLD_INTRODUCTION,
  COLOURS,
  coloured,
  colouredPlan,
  factsText,
  planLines,
  readPlan,
} from './planbench-text.ts';
import {
  drawPuzzle,
  nameList,
  type Puzzle,
  type PuzzleShape,
  problemOf,
  puzzleKey,
  solved,
  type Unsolved,
} from './puzzle.ts';
import { structureKey } from './structure.ts';

export interface BlocksworldOptions extends PuzzleShape, GeneratorOptions {
  /**
   * The property of a problem that determines its split. With `problem`, no problem is in two splits. With
   * `structure`, two problems that differ only in the names of their blocks are also in the same split.
   * Default `problem`.
   */
  readonly splitBy: 'problem' | 'structure';
}

/**
 * Default options: three blocks with six possible names. Prompts have at most 14 characters, plans 2 to 8
 * actions.
 */
export const DEFAULT_BLOCKSWORLD: BlocksworldOptions = {
  minBlocks: 3,
  maxBlocks: 3,
  names: 6,
  ...ANY_ACTIONS,
  splitBy: 'problem',
  ...DEFAULT_GENERATOR,
};

/** Maximum number of blocks. With more blocks, finding a shortest plan takes too long. */
const MAX_BLOCKS = 8;

/** The task `blocksworld` of a team file. */
export const blocksworld = defineTask({
  name: 'blocksworld',
  about: 'towers of blocks to rebuild, in a compact notation or in the words of PlanBench, endless',
  options: z
    .strictObject({
      min_blocks: integer({ min: 2, max: MAX_BLOCKS }).default(3).describe('Fewest blocks of a problem.'),
      max_blocks: integer({ min: 2, max: MAX_BLOCKS })
        .optional()
        .describe('Most blocks of a problem. Default: 3, or `min_blocks` if that is larger.'),
      names: integer({ min: 2, max: COLOURS.length })
        .optional()
        .describe(
          'Number of letters or colours that name the blocks. Default: 6, or `max_blocks` if that is larger.',
        ),
      split_by: choice(['problem', 'structure'])
        .default('problem')
        .describe(
          '`structure`: no problem is in two splits even after its blocks are renamed; `problem`: names count.',
        ),
      ...generatorOptions,
    })
    .superRefine(({ min_blocks, max_blocks, names, min_actions, max_actions }, context) => {
      requireAtLeast(context, ['max_blocks', max_blocks], ['min_blocks', min_blocks]);
      requireAtLeast(context, ['names', names], ['max_blocks', max_blocks ?? defaultMaxBlocks(min_blocks)]);
      requireAtLeast(context, ['max_actions', max_actions], ['min_actions', min_actions]);
    }),
  create: (options) => createBlocksworld(options),
});

export function createBlocksworld(given: GivenOptions<BlocksworldOptions> = {}): Task {
  const options = resolveOptions(given);
  const { style, splitBy, names } = options;
  return createGeneratedTask<Unsolved, Puzzle>(
    {
      domain: BLOCKSWORLD,
      draw: (stream) => drawPuzzle(options, stream),
      help: 'min_actions or max_actions',
      key: splitBy === 'structure' ? structureKey : puzzleKey,
      solve: solved,
      problem: (puzzle) => (style === 'compact' ? problemOf(puzzle) : coloured(problemOf(puzzle))),
      compactPrompt,
      readCompact: readCompactPlan,
      introduction: BLOCKSWORLD_INTRODUCTION,
      inWords,
      readPlanbench: (text) => ({ plan: readPlan(text) }),
      demonstrationParts: (puzzle) => demonstrationParts(puzzle, style),
      alphabet:
        style === 'compact'
          ? `${nameList(names).join('')}${COMPACT_CHARACTERS}=;${ANSWER_MARKER}`
          : planbenchAlphabet(BLOCKSWORLD_INTRODUCTION, COLOURS.join('')),
    },
    options,
  );
}

function resolveOptions(given: GivenOptions<BlocksworldOptions>): BlocksworldOptions {
  const options = withDefaults(DEFAULT_BLOCKSWORLD, given);
  const maxBlocks = given.maxBlocks ?? defaultMaxBlocks(options.minBlocks);
  return { ...options, maxBlocks, names: given.names ?? Math.max(maxBlocks, options.names) };
}

function defaultMaxBlocks(minBlocks: number): number {
  return Math.max(minBlocks, DEFAULT_BLOCKSWORLD.maxBlocks);
}

function inWords(puzzle: Puzzle): ProblemInWords {
  const { init, goal } = coloured(problemOf(puzzle));
  return { initial: factsText(init), goal: factsText(goal), plan: planLines(colouredPlan(puzzle.plan)) };
}
