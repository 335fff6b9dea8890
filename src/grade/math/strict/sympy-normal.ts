/**
 * Normalizes answers for the symbolic half of DeepScaleR's grader, and splits tuples as the grader does.
 * @see agentica-project/deepscaler, rewards/math_utils (MIT); openai/prm800k (MIT)
 * @module
 */
import { latexToText } from './latex-text.ts';
import { withoutTextCommand } from './mathd.ts';

const UNITS = 'degree cm centimeter meter mile second minute hour day week month year foot feet inch yard'
  .split(' ')
  .map((unit) => new RegExp(`${unit}(es)?(s)? *(\\^[0-9]+)?`, 'g'));

/** Returns the normalized answer. The steps, their order and their errors are those of the official code. */
export function sympyNormal(answer: string): string {
  let text = withoutTextCommand(answer);
  text = text.replaceAll('\\%', '%').replaceAll('\\$', '$').replace(/[$%]/g, '');
  text = text.replaceAll(' or ', ' , ').replaceAll(' and ', ' , ');
  // the order of these replacements does not matter, because none of the three words contains another one
  text = text.replaceAll('million', '*10^6').replaceAll('billion', '*10^9').replaceAll('trillion', '*10^12');
  for (const unit of UNITS) text = text.replace(unit, '');
  text = text.replace(/\^ *\\circ/g, '');
  if (text.startsWith('{') && text.endsWith('}')) text = text.slice(1, -1);
  text = text.replace(/,\\! */g, '');
  const number = pythonFloat(text);
  if (number !== undefined && isNearInteger(number)) text = BigInt(Math.round(number)).toString();
  if (text.includes('\\')) text = plainText(text) ?? text;
  text = text.replace(/- */g, '-');
  text = text.replace(/([0-9]) +([0-9])/g, '$1+$2'); // mixed numbers
  text = text.replaceAll(' ', '').replace(/[{}]/g, '').toLowerCase();
  return isIntegerText(text)
    ? BigInt(Math.trunc(pythonFloat(text.replaceAll(',', '')) as number)).toString()
    : text;
}

function plainText(latex: string): string | undefined {
  const text = latexToText(
    latex.replaceAll('\\tfrac', '\\frac').replaceAll('\\dfrac', '\\frac').replaceAll('\\frac', ' \\frac'),
  );
  return text
    ?.replaceAll('√', 'sqrt')
    .replaceAll('π', 'pi')
    .replaceAll('∞', 'inf')
    .replaceAll('∪', 'U')
    .replace(/[·×]/g, '*')
    .trim();
}

/**
 * Returns the value of Python's `float(text)`, which allows underscores between digits: NaN for infinity and
 * NaN, undefined where Python raises an error.
 */
export function pythonFloat(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^[+-]?(?:inf(?:inity)?|nan)$/i.test(trimmed)) return Number.NaN;
  const isNumber =
    /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/.test(trimmed);
  return isNumber ? Number(trimmed.replaceAll('_', '')) : undefined;
}

/** Whether a value is within 1e-7 of an integer. The grader rounds it: 2.00000001 is 2. */
function isNearInteger(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value - Math.round(value)) <= 1e-7;
}

/** Whether a text is an integer, with or without thousands separators. */
export function isIntegerText(text: string): boolean {
  const number = pythonFloat(withoutThousands(text));
  return number !== undefined && isNearInteger(number);
}

function withoutThousands(text: string): string {
  let before: string;
  let after = text;
  do {
    before = after;
    after = before.replace(/(\d)(,)(\d\d\d)($|\D)/g, '$1$3$4');
  } while (after !== before);
  return after;
}

const BRACKETS = '()[]';

/** Returns the items of a tuple or interval without inner brackets. Any other text is a single item. */
export function splitTuple(text: string): string[] {
  const plain = withoutThousands(text);
  if (plain === '') return [];
  const inner = plain.slice(1, -1);
  const isTuple =
    plain.length > 2 &&
    BRACKETS.includes(plain[0]) &&
    BRACKETS.includes(plain.at(-1) as string) &&
    ![...BRACKETS].some((bracket) => inner.includes(bracket));
  return isTuple ? inner.split(',').map((item) => item.trim()) : [plain];
}
