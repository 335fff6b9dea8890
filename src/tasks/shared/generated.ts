/**
 * Options that all generated tasks share: the seed of the list of problems, and the style of demonstrations.
 * @module
 */
import { integer } from '../../schema/fields.ts';
import { type ResponseStyle, responseStyleOptions } from './response-style.ts';

/** The option `seed` of a generated task. */
export const seedOption = {
  seed: integer({ min: 0 }).default(1).describe('Selects the list of problems; splits do not depend on it.'),
};

/** Options of a generated task with demonstrations. */
export const generatedOptions = { ...seedOption, ...responseStyleOptions };

export interface GeneratedOptions extends ResponseStyle {
  readonly seed: number;
}

export const DEFAULT_GENERATED: GeneratedOptions = { seed: 1, workedShare: 0.5, demoNoise: 0 };
