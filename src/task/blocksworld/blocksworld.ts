/**
 * Blocksworld problems without end: towers to rebuild, one block at a time. `compact` prompts are short enough
 * for a character model of under a million parameters; `planbench` ones are PlanBench's, word for word.
 * @module
 */
import { type RandomStream, randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { readOptions } from '../../support/options.ts';
import { ANSWER_MARKER, markedAnswer } from '../habit.ts';
import { DEFAULT_GENERATOR, type GeneratorOptions, readGeneratorOptions } from '../planning/generator.ts';
import { judgePlan } from '../planning/judge.ts';
import { planbenchPrompt, type Stated } from '../planning/planbench-words.ts';
import type { Step } from '../planning/strips.ts';
import { drawFromSplit } from '../split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../task.ts';
import { BINARY_REWARD, noAnswer } from '../verdict.ts';
import { compactMessages, planbenchMessages } from './demonstration.ts';
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
import { drawPuzzle, nameList, type Puzzle, type PuzzleShape, problemOf, puzzleKey } from './puzzle.ts';
import { structureKey } from './structure.ts';

export interface BlocksworldOptions extends PuzzleShape, GeneratorOptions {
  /**
   * What may not be in two splits: `problem`: the same problem; `structure`: nor the same problem with its blocks
   * renamed. Default `problem`.
   */
  readonly splitBy: 'problem' | 'structure';
}

/** Three blocks out of six names: at most 14 characters of prompt, plans of 2 to 8 actions. */
export const DEFAULT_BLOCKSWORLD: BlocksworldOptions = {
  minBlocks: 3,
  maxBlocks: 3,
  names: 6,
  minActions: 1,
  maxActions: 100,
  splitBy: 'problem',
  ...DEFAULT_GENERATOR,
};

/** More blocks take a shortest plan too long to find. */
const MOST_BLOCKS = 8;
/** Key of example streams after the seed. */
const EXAMPLES = 3;

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
  return new BlocksworldTask({ ...DEFAULT_BLOCKSWORLD, ...partial });
}

class BlocksworldTask implements Task {
  readonly name = 'blocksworld';
  readonly rewardRange = BINARY_REWARD;
  readonly alphabet: string;
  readonly #options: BlocksworldOptions;

  constructor(options: BlocksworldOptions) {
    this.#options = options;
    this.alphabet =
      options.style === 'compact'
        ? `${nameList(options.names).join('')}${COMPACT_CHARACTERS}=;${ANSWER_MARKER}`
        : charactersOf(`${BLOCKSWORLD_INTRODUCTION}${COLOURS.join('')}${WORDS_OF_PROMPTS}`);
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const { seed } = this.#options;
    const puzzle = this.#puzzle({ seed, split, index });
    return {
      id: `${split}-${index}`,
      prompt:
        this.#options.style === 'compact' ? compactPrompt(puzzle) : this.#planbenchPrompt(puzzle, index),
      difficulty: `${puzzle.plan.length}`,
      data: puzzle,
    };
  }

  /** In compact style the plan is what follows the last `#`; in PlanBench's, the official judge reads all. */
  verify(item: TaskItem, text: string): Verdict {
    const { style, ...options } = this.#options;
    const puzzle = item.data as Puzzle;
    const how = { ...options, fewest: () => puzzle.plan.length };
    const problem = problemOf(puzzle);
    if (style === 'planbench')
      return judgePlan(BLOCKSWORLD, { problem: coloured(problem), plan: readPlan(text) }, how);
    const written = markedAnswer(text);
    if (written === undefined) return noAnswer(`the text has no "${ANSWER_MARKER}"`);
    const read = readCompactPlan(written);
    return 'problem' in read
      ? noAnswer(read.problem)
      : judgePlan(BLOCKSWORLD, { problem, plan: read.plan }, how);
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    const write = this.#options.style === 'compact' ? compactMessages : planbenchMessages;
    return { messages: write(item.data as Puzzle, this.#options, stream) };
  }

  #planbenchPrompt(puzzle: Puzzle, index: number): string {
    const example = this.#options.shots === 0 ? undefined : stated(this.#example(puzzle, index));
    return planbenchPrompt(BLOCKSWORLD_INTRODUCTION, stated(puzzle), example);
  }

  /** Another problem, of the train split, so that a prompt gives no tested problem away. */
  #example(puzzle: Puzzle, index: number): Puzzle {
    for (let attempt = 0; ; attempt++) {
      const seed = randomStream(this.#options.seed, EXAMPLES, attempt).int(2 ** 32);
      const example = this.#puzzle({ seed, split: 'train', index });
      if (this.#key(example) !== this.#key(puzzle)) return example;
    }
  }

  #puzzle(at: { readonly seed: number; readonly split: Split; readonly index: number }): Puzzle {
    return drawFromSplit('task blocksworld', (stream) => this.#draw(stream), at).puzzle;
  }

  #draw(stream: RandomStream): { key: string; puzzle: Puzzle } {
    const puzzle = drawPuzzle(this.#options, stream);
    if (puzzle === undefined)
      throw new ConfigError(
        `task blocksworld: expected options that allow a problem, got none whose shortest plan has ` +
          `${this.#options.minActions} to ${this.#options.maxActions} actions; change min_actions or max_actions`,
      );
    return { key: this.#key(puzzle), puzzle };
  }

  #key(puzzle: Puzzle): string {
    return this.#options.splitBy === 'structure' ? structureKey(puzzle) : puzzleKey(puzzle);
  }
}

/** Every character that frames and facts add to the introduction and the colours. */
const WORDS_OF_PROMPTS =
  planbenchPrompt('', { initial: ',', goal: '' }, { initial: '', goal: '', plan: [] }) +
  planbenchPrompt('', { initial: '', goal: '' }, undefined);

function charactersOf(text: string): string {
  return [...new Set(text)].sort().join('');
}

function stated(puzzle: Puzzle): Stated {
  const { init, goal } = coloured(problemOf(puzzle));
  const plan: readonly Step[] = colouredPlan(puzzle.plan);
  return { initial: factsText(init), goal: factsText(goal), plan: planLines(plan) };
}
