/**
 * The options of the zebra generator.
 * @module
 */
import { z } from 'zod';
import { choice, integer, show, text } from '../../schema/fields.ts';
import { rejectOption, requireAtLeast } from '../../schema/options.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, generatedOptions } from '../shared/generated.ts';
import { CLUE_KINDS, type ClueKind } from './puzzle.ts';

/** Kinds of reward. `solved`: 1 for a solved puzzle, else 0; `cells`: the share of correct cells. */
export const REWARDS = ['solved', 'cells'] as const;
export type ZebraReward = (typeof REWARDS)[number];

export interface ZebraOptions extends GeneratedOptions {
  /** Minimum and maximum number of houses. The number is drawn uniformly. */
  readonly houses: number;
  readonly maxHouses: number;
  /** Minimum and maximum number of columns. The number is drawn uniformly. */
  readonly features: number;
  readonly maxFeatures: number;
  readonly clueKinds: readonly ClueKind[];
  /**
   * Style of prompts and answers. `compact`: single characters, for tiny models; `official`: ZebraLogic's
   * wording and JSON.
   */
  readonly style: 'compact' | 'official';
  readonly reward: ZebraReward;
}

export const DEFAULT_ZEBRA: ZebraOptions = {
  houses: 3,
  maxHouses: 3,
  features: 2,
  maxFeatures: 2,
  clueKinds: CLUE_KINDS,
  style: 'compact',
  reward: 'solved',
  ...DEFAULT_GENERATED,
};

/** The option `reward` of the tasks `zebra` and `zebralogic`. */
export function rewardField() {
  return choice(REWARDS)
    .default('solved')
    .describe(
      '`solved`: 1 for a solved puzzle, else 0; `cells`: the share of correct cells. A verdict is correct for a solved puzzle only.',
    );
}

const size = () => integer({ min: 2, max: 6 });

/** Options of a team file. */
export const zebraOptions = z
  .strictObject({
    houses: size().default(3).describe('Fewest houses of a puzzle.'),
    max_houses: size().optional().describe('Most houses of a puzzle. Default: `houses`.'),
    features: size().default(2).describe('Fewest features of a puzzle.'),
    max_features: size().optional().describe('Most features of a puzzle. Default: `features`.'),
    clue_kinds: clueKindsField(),
    style: choice(['compact', 'official'])
      .default('compact')
      .describe("Notation of puzzles and answers: single characters, or ZebraLogic's wording and JSON."),
    reward: rewardField(),
    ...generatedOptions,
  })
  .superRefine((options, context) => {
    const { houses, max_houses, features, max_features, style, demo_noise } = options;
    requireAtLeast(context, ['max_houses', max_houses], ['houses', houses]);
    requireAtLeast(context, ['max_features', max_features], ['features', features]);
    if (style === 'official' && demo_noise > 0)
      rejectOption(context, 'demo_noise', `expected 0 with style official, got ${demo_noise}`);
  });

/** Parses names of kinds of clues that are separated by commas or spaces. */
function clueKindsField() {
  return text('names of clue kinds')
    .transform((written) => ({ written, names: written.split(/[\s,]+/).filter((name) => name !== '') }))
    .superRefine(({ written, names }, context) => {
      const isKnown = (name: string): boolean => CLUE_KINDS.some((kind) => kind === name);
      if (names.length === 0 || new Set(names).size < names.length || !names.every(isKnown))
        context.addIssue({
          code: 'custom',
          message: `expected distinct names of ${CLUE_KINDS.join(', ')}, got ${show(written)}`,
        });
    })
    .transform(({ names }): readonly ClueKind[] => CLUE_KINDS.filter((kind) => names.includes(kind)))
    .optional()
    .describe(
      `Names of clue kinds, separated by commas, out of ${CLUE_KINDS.map((kind) => `\`${kind}\``).join(', ')}. Default: all.`,
    );
}
