/**
 * The options of the zebra generator.
 * @module
 */
import { type OptionReader, readOptions } from '../../support/options.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, readGenerated } from '../shared/generated.ts';
import { CLUE_KINDS, type ClueKind } from './puzzle.ts';

/** `solved`: 1 for a solved puzzle, else 0; `cells`: the share of correct cells. */
export const REWARDS = ['solved', 'cells'] as const;
export type ZebraReward = (typeof REWARDS)[number];

export interface ZebraOptions extends GeneratedOptions {
  /** Houses are drawn uniformly from `houses` to `maxHouses`. */
  readonly houses: number;
  readonly maxHouses: number;
  /** Columns are drawn uniformly from `features` to `maxFeatures`. */
  readonly features: number;
  readonly maxFeatures: number;
  readonly clueKinds: readonly ClueKind[];
  /** `compact`: single characters for tiny models; `official`: ZebraLogic's wording, prompt and JSON. */
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

/**
 * Reads YAML options: `houses`, `max_houses`, `features`, `max_features` (2..6), `clue_kinds`, `style`, `reward`,
 * `seed`, `worked_share`, `demo_noise`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readZebraOptions(record: Readonly<Record<string, unknown>>): ZebraOptions {
  const options = readOptions('task zebra', record);
  const d = DEFAULT_ZEBRA;
  const houses = options.integer('houses', { default: d.houses, min: 2, max: 6 });
  const features = options.integer('features', { default: d.features, min: 2, max: 6 });
  const read: ZebraOptions = {
    houses,
    maxHouses: options.integer('max_houses', { default: houses, min: houses, max: 6 }),
    features,
    maxFeatures: options.integer('max_features', { default: features, min: features, max: 6 }),
    clueKinds: readClueKinds(options),
    style: options.choice('style', ['compact', 'official'], d.style),
    reward: options.choice('reward', REWARDS, d.reward),
    ...readGenerated(options),
  };
  if (read.style === 'official' && read.demoNoise > 0)
    options.reject('demo_noise', `expected 0 with style official, got ${read.demoNoise}`);
  options.finish();
  return read;
}

/** Names separated by commas or spaces. */
function readClueKinds(options: OptionReader): readonly ClueKind[] {
  const written = options.optionalText('clue_kinds');
  if (written === undefined) return DEFAULT_ZEBRA.clueKinds;
  const names = written.split(/[\s,]+/).filter((name) => name !== '');
  const kinds = CLUE_KINDS.filter((kind) => names.includes(kind));
  if (kinds.length !== names.length || kinds.length === 0)
    options.reject('clue_kinds', `expected distinct names of ${CLUE_KINDS.join(', ')}, got "${written}"`);
  return kinds;
}
