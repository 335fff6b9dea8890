/**
 * Detects training prompts that occur in an evaluation set. Copies are rarely verbatim, so problems are compared without
 * case, whitespace, punctuation, LaTeX spacing and styling, and thousands separators. Three kinds of match are found:
 *
 * * the same text;
 * * the evaluation problem inside a longer prompt, for example in a prompt template;
 * * the same problem hash: the same words and numbers in another order (shuffled sentences or clues).
 *
 * The last two kinds are limited to long problems, which do not match by chance. 13 words is the length of Brown et al.,
 * "Language models are few-shot learners", arXiv 2005.14165, appendix C.
 * @module
 */
import { fnv1a } from '../core/hash.ts';
import type { TaskItem } from './task.ts';

/** Minimum number of tokens of an evaluation problem that is searched for inside longer prompts. */
const CONTAINED_TOKENS = 13;
/** Minimum number of tokens of an evaluation problem that is recognized if its words are in another order. */
const SHUFFLED_TOKENS = 20;

/** A named set of items on which a team will be evaluated. */
export interface EvaluationSet {
  readonly name: string;
  readonly items: readonly TaskItem[];
}

/** The way in which a training prompt matches an evaluation problem, as shown in messages. */
export type MatchKind = 'same text' | 'contains it' | 'same words in another order';

export interface Match {
  /** Name of the evaluation set. */
  readonly set: string;
  /** Id of its item. */
  readonly item: string;
  readonly kind: MatchKind;
}

/** LaTeX commands that change the appearance of a formula and not its meaning. */
const STYLING =
  /\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|quad|qquad|text|textbf|textit|mbox|mathrm|mathbf|mathit|mathbb|operatorname)(?![a-zA-Z])|\\[,!;: >\\]|[~$&]/g;

/** Patterns of the spellings of a sign in lower case, each with the sign that replaces them. */
const SIGN_SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/\\[dt]frac/g, '\\frac'],
  [/\\(?:cdot|times)(?![a-z])|[×·⋅]/g, '*'],
  [/\\div(?![a-z])|÷/g, '/'],
  [/\\leq?(?![a-z])|≤/g, ' <= '],
  [/\\geq?(?![a-z])|≥/g, ' >= '],
  [/\\neq?(?![a-z])|≠/g, ' neq '],
  [/[−–—]/g, '-'],
  [/\{,\}/g, ','],
  [/(?<=\d),(?=\d{3}(?!\d))/g, ''],
  [/\*{2,}|_{2,}|#+|`+/g, ' '], // Markdown
];

/**
 * Returns the words, numbers and operators of a problem. Everything in which two copies of a problem may
 * differ is dropped.
 *
 * @example
 * problemTokens('Find $\\dfrac{1}{2}\\,x$, please.').join(' '); // => 'find frac 1 2 x please'
 */
export function problemTokens(text: string): string[] {
  let plain = text.normalize('NFKC').replaceAll(STYLING, ' ').toLowerCase();
  for (const [spelling, sign] of SIGN_SPELLINGS) plain = plain.replaceAll(spelling, sign);
  // an exclamation mark after a number is a factorial
  return plain.match(/\p{L}+|\d+(?:\.\d+)?|(?<=[\d)])!|[()+*/=<>^|%-]/gu) ?? [];
}

/**
 * Returns the problem hash as 16 hexadecimal digits: 64 bits that depend on the multiset of a problem's
 * tokens, but not on their order.
 *
 * @param tokens - result of {@link problemTokens}
 */
export function problemHash(tokens: readonly string[]): string {
  const bag = [...tokens].sort().join(' ');
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  return hex(fnv1a(bag)) + hex(fnv1a(`${bag} ${tokens.length}`));
}

interface Entry extends Omit<Match, 'kind'> {
  readonly text: string;
}

/** An index of evaluation sets, with which many prompts are compared. */
export class ContaminationIndex {
  readonly #texts = new Map<string, Entry>();
  readonly #hashes = new Map<string, Entry>();
  /** Evaluation problems by their first tokens. Several problems can start with the same tokens. */
  readonly #openings = new Map<string, Entry[]>();

  /** @param sets - a problem that occurs in several sets is reported with the first of them */
  constructor(sets: readonly EvaluationSet[]) {
    for (const { name, items } of sets)
      for (const item of items) this.#add(problemTokens(problemOf(item)), { set: name, item: item.id });
  }

  /** Returns the evaluation item that a training item matches; undefined if there is none. */
  find(item: TaskItem): Match | undefined {
    const tokens = problemTokens(problemOf(item));
    const same = this.#texts.get(tokens.join(' '));
    if (same) return match(same, 'same text');
    const whole = item.problem === undefined ? tokens : problemTokens(item.prompt);
    const inside = this.#inside(whole);
    if (inside) return match(inside, 'contains it');
    const shuffled = tokens.length < SHUFFLED_TOKENS ? undefined : this.#hashes.get(problemHash(tokens));
    return shuffled && match(shuffled, 'same words in another order');
  }

  #add(tokens: readonly string[], { set, item }: Pick<Entry, 'set' | 'item'>): void {
    if (tokens.length === 0) return; // a problem without words, numbers and operators cannot be compared
    const entry: Entry = { set, item, text: tokens.join(' ') };
    if (this.#texts.has(entry.text)) return;
    this.#texts.set(entry.text, entry);
    const hash = problemHash(tokens);
    if (tokens.length >= SHUFFLED_TOKENS && !this.#hashes.has(hash)) this.#hashes.set(hash, entry);
    if (tokens.length < CONTAINED_TOKENS) return;
    const opening = tokens.slice(0, CONTAINED_TOKENS).join(' ');
    this.#openings.set(opening, [...(this.#openings.get(opening) ?? []), entry]);
  }

  #inside(tokens: readonly string[]): Entry | undefined {
    for (let start = 0; start + CONTAINED_TOKENS <= tokens.length; start++) {
      const entries = this.#openings.get(tokens.slice(start, start + CONTAINED_TOKENS).join(' '));
      if (entries === undefined) continue;
      const rest = `${tokens.slice(start).join(' ')} `;
      const found = entries.find(({ text }) => rest.startsWith(`${text} `));
      if (found) return found;
    }
    return undefined;
  }
}

function problemOf({ problem, prompt }: TaskItem): string {
  return problem ?? prompt;
}

function match({ set, item }: Entry, kind: MatchKind): Match {
  return { set, item, kind };
}
