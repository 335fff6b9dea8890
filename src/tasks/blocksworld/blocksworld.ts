/**
 * The task `blocksworld`: an unlimited number of generated problems, in which towers are rebuilt one block at a time.
 * `compact` prompts are short enough for a character-level model of under a million parameters; `planbench` prompts
 * are PlanBench's, word for word.
 * @module
 */
import { readOptions } from '../../support/options.ts';
import type { Task } from '../../task/task.ts';
import { ANY_ACTIONS } from '../planning/action-range.ts';
import { createGeneratedTask, planbenchAlphabet } from '../planning/generated-task.ts';
import { DEFAULT_GENERATOR, type GeneratorOptions, readGeneratorOptions } from '../planning/generator.ts';
import type { ProblemInWords } from '../planning/planbench-prompt.ts';
import { ANSWER_MARKER } from '../shared/habit.ts';
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
   * What determines the split. `problem`: no problem is in two splits; `structure`: no problem is in two splits even
   * after renaming its blocks. Default `problem`.
   */
  readonly splitBy: 'problem' | 'structure';
}

/** Three blocks with six possible names: prompts of at most 14 characters, plans of 2 to 8 actions. */
export const DEFAULT_BLOCKSWORLD: BlocksworldOptions = {
  minBlocks: 3,
  maxBlocks: 3,
  names: 6,
  ...ANY_ACTIONS,
  splitBy: 'problem',
  ...DEFAULT_GENERATOR,
};

/** Maximum number of blocks; with more, finding a shortest plan takes too long. */
const MOST_BLOCKS = 8;

/**
 * Reads YAML options: `min_blocks` and `max_blocks` (2..8), `names` (2..12), `min_actions`, `max_actions`,
 * `split_by` (`problem` or `structure`), and those of `readGeneratorOptions`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readBlocksworldOptions(record: Readonly<Record<string, unknown>>): BlocksworldOptions {
  const options = readOptions('task blocksworld', record);
  const d = DEFAULT_BLOCKSWORLD;
  const minBlocks = options.integer('min_blocks', { default: d.minBlocks, min: 2, max: MOST_BLOCKS });
  const maxBlocks = options.integer('max_blocks', {
    default: Math.max(minBlocks, d.maxBlocks),
    min: 2,
    max: MOST_BLOCKS,
  });
  const names = options.integer('names', {
    default: Math.max(maxBlocks, d.names),
    min: 2,
    max: COLOURS.length,
  });
  const minActions = options.integer('min_actions', { default: d.minActions, min: 1, max: 100 });
  const maxActions = options.integer('max_actions', { default: d.maxActions, min: 1, max: 100 });
  const splitBy = options.choice('split_by', ['problem', 'structure'], d.splitBy);
  if (maxBlocks < minBlocks)
    options.reject('max_blocks', `expected min_blocks (${minBlocks}) or more, got ${maxBlocks}`);
  if (names < maxBlocks) options.reject('names', `expected max_blocks (${maxBlocks}) or more, got ${names}`);
  if (maxActions < minActions)
    options.reject('max_actions', `expected min_actions (${minActions}) or more, got ${maxActions}`);
  const read = {
    ...{ minBlocks, maxBlocks, names, minActions, maxActions, splitBy },
    ...readGeneratorOptions(options),
  };
  options.finish();
  return read;
}

export function createBlocksworld(partial: Partial<BlocksworldOptions> = {}): Task {
  const options = { ...DEFAULT_BLOCKSWORLD, ...partial };
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

function inWords(puzzle: Puzzle): ProblemInWords {
  const { init, goal } = coloured(problemOf(puzzle));
  return { initial: factsText(init), goal: factsText(goal), plan: planLines(colouredPlan(puzzle.plan)) };
}
