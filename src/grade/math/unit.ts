/**
 * Units of measure after a number, as exact factors of base dimensions, so that 5 m equals 500 cm and not 5 cm.
 * Words that are not a known unit are kept and ignored by comparisons.
 * @module
 */
import { divide, equal, integer, multiply, type Rational, rational } from '../rational.ts';

/** A unit of measure: its dimensions and its size in base units. */
export interface Unit {
  /** Exponents of the base dimensions, e.g. `{ length: 2 }`; no exponent is 0. */
  readonly dimensions: ReadonlyMap<string, number>;
  /** Size of the unit, in the base units of its dimensions. */
  readonly factor: Rational;
}

type Row = readonly [dimension: string, power: number, over: number, under: number, names: string];

/**
 * Metric and US customary units by their usual names. Plurals with `s` and `es` are recognized without an
 * entry.
 */
const ROWS: readonly Row[] = [
  ['length', 1, 1, 1, 'm meter metre'],
  ['length', 1, 1, 1000, 'mm millimeter millimetre'],
  ['length', 1, 1, 100, 'cm centimeter centimetre'],
  ['length', 1, 1, 10, 'dm decimeter decimetre'],
  ['length', 1, 1000, 1, 'km kilometer kilometre'],
  ['length', 1, 254, 10000, 'in inch'],
  ['length', 1, 3048, 10000, 'ft foot feet'],
  ['length', 1, 9144, 10000, 'yd yard'],
  ['length', 1, 1609344, 1000, 'mi mile'],
  ['length', 3, 1, 1000, 'l L liter litre'],
  ['length', 3, 1, 1_000_000, 'ml mL milliliter millilitre'],
  ['time', 1, 1, 1, 's sec second'],
  ['time', 1, 60, 1, 'min minute'],
  ['time', 1, 3600, 1, 'h hr hour'],
  ['time', 1, 86400, 1, 'day'],
  ['time', 1, 604800, 1, 'week'],
  ['month', 1, 1, 1, 'month'],
  ['month', 1, 12, 1, 'yr year'],
  ['mass', 1, 1, 1000, 'g gram'],
  ['mass', 1, 1, 1, 'kg kilogram'],
  ['mass', 1, 1, 1_000_000, 'mg milligram'],
  ['mass', 1, 45359237, 100_000_000, 'lb pound'],
  ['mass', 1, 45359237, 1_600_000_000, 'oz ounce'],
  ['money', 1, 1, 1, 'dollar USD buck'],
  ['money', 1, 1, 100, 'cent'],
  ['angle', 1, 1, 1, 'degree deg'],
  ['radian', 1, 1, 1, 'radian rad'],
  ['percent', 1, 1, 1, 'percent pct percentage'],
];

const UNITS: ReadonlyMap<string, Unit> = new Map(
  ROWS.flatMap(([dimension, power, over, under, names]) => {
    const unit: Unit = {
      dimensions: new Map([[dimension, power]]),
      factor: rational(BigInt(over), BigInt(under)) as Rational, // no row has the denominator 0
    };
    return names.split(' ').map((name): [string, Unit] => [name, unit]);
  }),
);

const NO_UNIT: Unit = { dimensions: new Map(), factor: integer(1) };

/** Returns the unit that a word names; undefined for other words. */
function unitOfWord(word: string): Unit | undefined {
  if (word === 'mph') return combine(UNITS.get('mi') as Unit, UNITS.get('h') as Unit, -1);
  if (word === 'mps') return combine(UNITS.get('m') as Unit, UNITS.get('s') as Unit, -1);
  for (const name of [word, word.toLowerCase()]) {
    const unit =
      UNITS.get(name) ??
      (name.length > 3 ? (UNITS.get(name.replace(/e?s$/, '')) ?? UNITS.get(name.slice(0, -1))) : undefined);
    if (unit) return unit;
    if ((name === 'lbs' || name === 'hrs') && UNITS.has(name.slice(0, -1)))
      return UNITS.get(name.slice(0, -1));
  }
  return undefined;
}

/** Whether a single word names a unit. */
export function isUnitWord(word: string): boolean {
  return unitOfWord(word) !== undefined || word === 'square' || word === 'cubic';
}

/**
 * Parses a unit: `cm`, `square inches`, `cm^2`, `meters squared`, `miles per hour`, `km/h`. Powers are written
 * with `^`.
 *
 * @returns undefined when a word is not a known unit
 */
export function readUnit(text: string): Unit | undefined {
  if (text.length > MAX_UNIT_LENGTH) return undefined;
  const words = text.replace(/[{}().~]/g, ' ').match(/[A-Za-z]+|\^\s*-?\d+|[/*]/g) ?? [];
  let unit = NO_UNIT;
  let direction = 1;
  let pending = 1; // the exponent of the next unit, which `square` or `cubic` sets
  let last: { readonly unit: Unit; readonly direction: number } | undefined;
  for (const word of words) {
    const power = powerOf(word, last !== undefined);
    if (word === 'square' || word === 'cubic' || word === 'sq' || word === 'cu') {
      pending = word.startsWith('sq') ? 2 : 3;
    } else if (word === '/' || word === 'per') {
      direction = -1;
    } else if (power !== undefined) {
      if (!last) return undefined;
      unit = combine(unit, last.unit, (power - 1) * last.direction);
    } else if (word !== '*' && word !== 'a') {
      const named = unitOfWord(word);
      if (!named) return undefined;
      unit = combine(unit, named, pending * direction);
      last = { unit: named, direction };
      pending = 1;
    }
  }
  return last ? unit : undefined;
}

/** Maximum number of characters of a unit. Longer texts are sentences. */
const MAX_UNIT_LENGTH = 60;
const MAX_UNIT_POWER = 12;

function powerOf(word: string, follows: boolean): number | undefined {
  if (word === 'squared') return follows ? 2 : undefined;
  if (word === 'cubed') return follows ? 3 : undefined;
  if (!word.startsWith('^')) return undefined;
  const power = Number(word.slice(1));
  return Math.abs(power) <= MAX_UNIT_POWER ? power : undefined;
}

/** a · b^power. */
function combine(a: Unit, b: Unit, power: number): Unit {
  const dimensions = new Map(a.dimensions);
  for (const [name, exponent] of b.dimensions) {
    const sum = (dimensions.get(name) ?? 0) + exponent * power;
    if (sum === 0) dimensions.delete(name);
    else dimensions.set(name, sum);
  }
  let factor = a.factor;
  for (let i = 0; i < Math.abs(power); i++)
    factor = power > 0 ? multiply(factor, b.factor) : (divide(factor, b.factor) as Rational); // factors are > 0
  return { dimensions, factor };
}

/** Whether two units have the same dimensions. */
export function sameDimensions(a: Unit, b: Unit): boolean {
  return (
    a.dimensions.size === b.dimensions.size &&
    [...a.dimensions].every(([name, exponent]) => b.dimensions.get(name) === exponent)
  );
}

/** Whether two units are identical, so that their values are compared without conversion. */
export function sameUnit(a: Unit, b: Unit): boolean {
  return sameDimensions(a, b) && equal(a.factor, b.factor);
}
