/**
 * Finds `\boxed{...}` and delimited formulas in a text, in one pass from left to right.
 * @module
 */

/** A delimited range of a text. */
export interface Span {
  readonly content: string;
  /** Offset of the first character of the range, and offset after its last one; delimiters are included. */
  readonly start: number;
  readonly end: number;
}

const BOXES = ['\\boxed', '\\fbox', '\\framebox'];

/**
 * Returns all boxes with closed braces, in the order of their ends, so that inner boxes come before outer
 * ones. If there is none, returns the last box without braces.
 */
export function boxesIn(text: string): Span[] {
  const boxes: Span[] = [];
  const open: { readonly at: number; readonly box: number | undefined }[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\' && (text[at + 1] === '{' || text[at + 1] === '}')) at++;
    else if (character === '{') open.push({ at, box: boxBefore(text, at) });
    else if (character === '}') {
      const opening = open.pop();
      if (opening?.box !== undefined)
        boxes.push({ content: text.slice(opening.at + 1, at), start: opening.box, end: at + 1 });
    }
  }
  return boxes.length > 0 ? boxes : bareBox(text);
}

function boxBefore(text: string, at: number): number | undefined {
  const before = text.slice(Math.max(0, at - 12), at).trimEnd();
  const name = BOXES.find((box) => before.endsWith(box));
  return name === undefined ? undefined : at - (Math.min(at, 12) - before.length) - name.length;
}

/**
 * Finds the last box without braces, as in `\boxed 5`. It ends at the next space, brace, dollar or backslash.
 */
function bareBox(text: string): Span[] {
  const start = text.lastIndexOf('\\boxed');
  if (start < 0) return [];
  const [whole = '', content = ''] =
    /^\\boxed\s*([^\s{}$\\]{1,40})/.exec(text.slice(start, start + 60)) ?? [];
  return content === '' ? [] : [{ content, start, end: start + whole.length }];
}

/** Returns the formulas between `$`, `$$`, `\(` and `\)`, or `\[` and `\]`, in order. */
export function mathIn(text: string): Span[] {
  const spans: Span[] = [];
  let open: { readonly closing: string; readonly start: number; readonly from: number } | undefined;
  for (let at = 0; at < text.length; at++) {
    const two = text.slice(at, at + 2);
    if (two === '\\$') {
      at++;
      continue;
    }
    const sign = two === '$$' || DELIMITERS.has(two) || two === '\\)' || two === '\\]' ? two : text[at];
    if (open && sign === open.closing) {
      const content = text.slice(open.from, at);
      at += sign.length - 1;
      if (content.trim() !== '') spans.push({ content, start: open.start, end: at + 1 });
      open = undefined;
    } else if (!open && sign !== undefined && DELIMITERS.has(sign)) {
      open = { closing: DELIMITERS.get(sign) as string, start: at, from: at + sign.length };
      at += sign.length - 1;
    } else if (two.startsWith('\\')) at++;
  }
  return spans;
}

const DELIMITERS: ReadonlyMap<string, string> = new Map([
  ['$', '$'],
  ['$$', '$$'],
  ['\\(', '\\)'],
  ['\\[', '\\]'],
]);

/** Maximum number of characters between two boxes or formulas that are joined to one answer. */
const MAX_GAP = 40;

/**
 * Returns the content of the last range. The ranges before it are prepended, separated by commas, as long as
 * the text between the ranges connects them. Repeated contents count once.
 */
export function lastJoined(
  text: string,
  spans: readonly Span[],
  connects: (gap: string) => boolean,
): string | undefined {
  const last = spans.at(-1);
  if (!last) return undefined;
  let { start } = last;
  const contents = [last.content];
  for (let i = spans.length - 2; i >= 0; i--) {
    const span = spans[i];
    if (span.start >= start) continue; // nested in a later range
    if (start - span.end > MAX_GAP || !connects(text.slice(span.end, start))) break;
    if (!contents.includes(span.content)) contents.unshift(span.content);
    start = span.start;
  }
  return contents.join(', ');
}

/**
 * Whether the text between two boxes connects them: a comma, `and` or `or`, with at most one word before it,
 * as in `\boxed{1} apples and \boxed{2}`.
 */
export function isConnection(gap: string): boolean {
  return /^(?:[A-Za-z]+\s+)?(?:[,;]|and\b|or\b)(?:\s|[,;]|and\b|or\b)*$/i.test(wordsBetween(gap));
}

/**
 * Like {@link isConnection}, but also accepts a text without letters and digits: two adjacent boxes are one
 * answer.
 */
export function isConnectionOfBoxes(gap: string): boolean {
  return !/[\p{L}\d]/u.test(wordsBetween(gap)) || isConnection(gap);
}

function wordsBetween(gap: string): string {
  return gap
    .replace(/\\(?:quad|qquad)/g, ' , ')
    .replace(/\\text\s*\{([^{}]*)\}/g, ' $1 ')
    .replace(/\\[()[\]]|[$~{}]/g, ' ')
    .trim();
}
