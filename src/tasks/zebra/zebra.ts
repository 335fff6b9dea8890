/**
 * The task `zebra`: endless generated zebra puzzles, each with exactly one solution. The official style has
 * ZebraLogic's wording, prompt and grading. The compact style uses single characters, for tiny models:
 * `3x2;A=2;B<E;C~F:` is answered by `A2;E3;B1;C3;D1;F2#213 132`, or directly by `#213 132`.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, excerpt, noAnswer } from '../../grade/verdict.ts';
import { type GivenOptions, withDefaults } from '../../schema/options.ts';
import { ConfigError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { ANSWER_MARKER, demonstrationText, markedAnswer } from '../shared/response-style.ts';
import { ATTRIBUTES } from './catalog.ts';
import {
  compactAlphabet,
  compactAnswer,
  compactPrompt,
  compactSteps,
  letterColumns,
  readCompactAnswer,
} from './compact.ts';
import { drawZebra, type GeneratedZebra, shuffled } from './generate.ts';
import { cellVerdict, gridVerdict } from './grid-verdict.ts';
import { answerText, officialPrompt, tableRows } from './official-prompt.ts';
import { clueText, puzzleText } from './official-text.ts';
import { DEFAULT_ZEBRA, type ZebraOptions, zebraOptions } from './options.ts';
import { type Column, puzzleKey } from './puzzle.ts';
import { solve } from './solver.ts';

/** Maximum number of draws until a solution is found that the allowed kinds of clue determine. */
const MAX_DRAWS = 200;

/** All characters of ZebraLogic's wording and JSON: printable ASCII and the line feed. */
const OFFICIAL_ALPHABET = `\n${String.fromCharCode(...Array.from({ length: 95 }, (_, k) => 32 + k))}`;

/** The task `zebra` of a team file. */
export const zebra = defineTask({
  name: 'zebra',
  about: 'who lives where, from clues with one solution, endless',
  options: zebraOptions,
  create: (options) => createZebra(options),
});

export function createZebra(given: GivenOptions<ZebraOptions> = {}): Task {
  const options = withDefaults(DEFAULT_ZEBRA, given);
  return new ZebraTask({
    ...options,
    maxHouses: Math.max(options.houses, given.maxHouses ?? 0),
    maxFeatures: Math.max(options.features, given.maxFeatures ?? 0),
  });
}

class ZebraTask implements Task {
  readonly name = 'zebra';
  readonly rewardRange = BINARY_REWARD;
  /**
   * Present in compact style if all puzzles have the same size. Otherwise an answer cannot be parsed without
   * its puzzle.
   */
  readonly answerOf?: (text: string) => string | undefined;
  readonly #options: ZebraOptions;

  constructor(options: ZebraOptions) {
    this.#options = options;
    const { style, houses, maxHouses, features, maxFeatures } = options;
    if (style === 'compact' && houses === maxHouses && features === maxFeatures)
      this.answerOf = compactAnswerReader(houses, features);
  }

  get alphabet(): string {
    const { style, maxHouses, maxFeatures } = this.#options;
    if (style === 'compact') return `${compactAlphabet(maxHouses, maxFeatures)}${ANSWER_MARKER}`;
    return OFFICIAL_ALPHABET;
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const { seed, style } = this.#options;
    const at = { seed, split, index };
    const { puzzle } = drawFromSplit('task zebra', (stream) => this.#draw(stream), at);
    const { houses, columns, house } = puzzle;
    const { trials } = solve(puzzle);
    return {
      id: `${split}-${index}`,
      ...(style === 'compact' ? { prompt: compactPrompt(puzzle) } : wordedPrompt(puzzle)),
      answer:
        style === 'compact'
          ? compactAnswer(houses, house)
          : answerText('', headersOf(columns), tableRows(puzzle, house)),
      difficulty: `${houses}x${columns.length} ${trials === 0 ? 'deduction' : 'search'}`,
      data: puzzle,
    };
  }

  verify(item: TaskItem, text: string): Verdict {
    const puzzle = item.data as GeneratedZebra;
    const { reward } = this.#options;
    if (this.#options.style === 'official') {
      const gold = { headers: headersOf(puzzle.columns), rows: tableRows(puzzle, puzzle.house) };
      return gridVerdict(gold, text, reward);
    }
    const written = markedAnswer(text);
    if (written === undefined) return noAnswer(`the text has no "${ANSWER_MARKER}"`);
    const houses = readCompactAnswer(written, puzzle);
    if (houses === undefined)
      return noAnswer(`expected a house for each of ${puzzle.house.length} values, got ${excerpt(written)}`);
    const right = houses.filter((house, value) => house === puzzle.house[value]).length;
    return cellVerdict(compactAnswer(puzzle.houses, houses), { right, of: houses.length, reward });
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    const puzzle = item.data as GeneratedZebra;
    const { placements } = solve(puzzle);
    if (this.#options.style === 'compact') {
      const steps = compactSteps(placements);
      const answer = compactAnswer(puzzle.houses, puzzle.house);
      return { messages: [demonstrationText({ steps, answer }, this.#options, stream)] };
    }
    const isWorked = stream.uniform() < this.#options.workedShare;
    const reasoning = placements.map((placement) => clueText({ kind: 'at', ...placement }, puzzle)).join(' ');
    const rows = tableRows(puzzle, puzzle.house);
    return { messages: [answerText(isWorked ? reasoning : '', headersOf(puzzle.columns), rows)] };
  }

  #draw(stream: RandomStream): { key: string; puzzle: GeneratedZebra } {
    const { houses, maxHouses, features, maxFeatures, style, clueKinds: kinds } = this.#options;
    for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
      const size = {
        houses: houses + stream.int(maxHouses - houses + 1),
        features: features + stream.int(maxFeatures - features + 1),
      };
      const columns =
        style === 'compact' ? letterColumns(size.houses, size.features) : drawColumns(size, stream);
      const puzzle = drawZebra({ houses: size.houses, columns, kinds }, stream);
      if (puzzle) return { key: puzzleKey(puzzle), puzzle };
    }
    throw new ConfigError(
      `task zebra: expected clue_kinds that single out one solution, got ${kinds.join(', ')}; add "at" or "same"`,
    );
  }
}

/** Creates a function that parses the houses in an answer and returns them in normal form. */
function compactAnswerReader(houses: number, features: number): (text: string) => string | undefined {
  const size = { houses, columns: letterColumns(houses, features) };
  return (text) => {
    const written = markedAnswer(text);
    const read = written === undefined ? undefined : readCompactAnswer(written, size);
    return read && compactAnswer(houses, read);
  };
}

/**
 * Draws the columns of a puzzle: the names and randomly drawn other attributes, each with some of its values
 * in random order.
 */
function drawColumns(
  { houses, features }: { readonly houses: number; readonly features: number },
  stream: RandomStream,
): Column[] {
  const [names, ...others] = ATTRIBUTES;
  return [names, ...shuffled(others, stream).slice(0, features - 1)].map((attribute) => ({
    header: attribute?.header ?? '',
    values: shuffled(attribute?.values ?? [], stream)
      .slice(0, houses)
      .map(([value]) => value),
  }));
}

function wordedPrompt(puzzle: GeneratedZebra): Pick<TaskItem, 'prompt' | 'problem'> {
  const { houses, columns } = puzzle;
  const problem = puzzleText(puzzle);
  return { prompt: officialPrompt(problem, { houses, headers: headersOf(columns) }), problem };
}

function headersOf(columns: readonly Column[]): string[] {
  return columns.map(({ header }) => header);
}
