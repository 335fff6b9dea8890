/**
 * The string comparison of DeepScaleR's grader: answers are equal if they are the same string after a fixed
 * sequence of replacements. Errors of the original are kept on purpose.
 * @see Hendrycks et al. 2021, arXiv:2103.03874 (math_equivalence); agentica-project/deepscaler (MIT)
 * @module
 */

export function sameByMathd(gold: string, prediction: string): boolean {
  return mathdNormal(gold) === mathdNormal(prediction);
}

/**
 * Returns the normal form of an answer. If a replacement fails, returns the answer with only `\text{...}`
 * removed.
 */
export function mathdNormal(answer: string): string {
  const unwrapped = withoutTextCommand(answer.trim()).trim();
  return replaced(unwrapped) ?? unwrapped;
}

/** Returns the content of `\text{...}` if the whole string is one text command, else the string unchanged. */
export function withoutTextCommand(text: string): string {
  return /^\\text\{(.+?)\}$/.exec(text)?.[1] ?? text;
}

/**
 * Applies the replacements.
 *
 * @returns undefined where the original fails: two units in the answer, or `\frac` or `\sqrt` at its very end
 */
function replaced(answer: string): string | undefined {
  let text = answer.replaceAll('\n', '').replaceAll('\\!', '').replaceAll('\\\\', '\\');
  text = text.replaceAll('tfrac', 'frac').replaceAll('dfrac', 'frac');
  text = text.replaceAll('\\left', '').replaceAll('\\right', '');
  text = text.replaceAll('^{\\circ}', '').replaceAll('^\\circ', '').replaceAll('\\$', '');
  const units = text.split('\\text{ ');
  if (units.length > 2) return undefined;
  text = units[0]; // `split` returns at least one part
  text = text.replaceAll('\\%', '').replaceAll(' .', ' 0.').replaceAll('{.', '{0.');
  if (text === '') return text;
  if (text.startsWith('.')) text = `0${text}`;
  const sides = text.split('=');
  if (sides.length === 2 && [...sides[0]].length <= 2) text = sides[1];
  const rooted = withBracedRoots(text);
  const broken = rooted === undefined ? undefined : withBracedFractions(rooted.replaceAll(' ', ''));
  if (broken === undefined) return undefined;
  return slashFraction(broken === '0.5' ? '\\frac{1}{2}' : broken);
}

/** Replaces `\sqrt3` by `\sqrt{3}`. Only one character is put in braces. */
function withBracedRoots(text: string): string | undefined {
  const [first = '', ...rest] = text.split('\\sqrt');
  if (rest.includes('')) return undefined;
  return rest.reduce((out, part) => `${out}\\sqrt${part.startsWith('{') ? part : braced(part)}`, first);
}

function braced(part: string): string {
  const [character = ''] = part;
  return `{${character}}${part.slice(character.length)}`;
}

/**
 * Replaces `\frac12` by `\frac{1}{2}` and `\frac1{72}` by `\frac{1}{72}`. Returns the text unchanged if one
 * of the fractions has only one character after `\frac`.
 */
function withBracedFractions(text: string): string | undefined {
  const [first = '', ...rest] = text.split('\\frac');
  let out = first;
  for (const part of rest) {
    const [a, b] = part;
    if (a === undefined) return undefined;
    if (a === '{') out += `\\frac${part}`;
    else if (b === undefined) return text;
    else out += `\\frac{${a}}${b === '{' ? part.slice(a.length) : braced(part.slice(a.length))}`;
  }
  return out;
}

/** Replaces `-1/2` by `\frac{-1}{2}`, for two integers without superfluous signs and zeros. */
function slashFraction(text: string): string {
  const canonical = /^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/.exec(text);
  return canonical ? `\\frac{${canonical[1]}}{${canonical[2]}}` : text;
}
