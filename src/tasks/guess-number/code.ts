/**
 * Codes of the guessing game (bulls and cows, Mastermind) and the feedback on a guess.
 * @module
 */

export interface CodeShape {
  /** Length of a code. */
  readonly digits: number;
  /** Number of different symbols: 0, 1, ... */
  readonly symbols: number;
  /** Whether a symbol may occur more than once in a code. */
  readonly repeats: boolean;
}

export interface Feedback {
  /** Correct symbols in the right place. */
  readonly placed: number;
  /** Further symbols of the guess that occur elsewhere in the code. */
  readonly misplaced: number;
}

/**
 * The feedback on a guess. A symbol of the code matches at most one symbol of the guess, so with repeats the sum of both
 * counts is the size of the common multiset.
 *
 * @param code - has the length of the guess
 *
 * @example
 * feedbackOn('0123', '0231'); // => { placed: 1, misplaced: 3 }
 */
export function feedbackOn(code: string, guess: string): Feedback {
  let placed = 0;
  let common = 0;
  let matched = 0; // bit j: symbol j of the code is matched
  for (let i = 0; i < guess.length; i++) {
    if (guess[i] === code[i]) placed++;
    for (let j = 0; j < code.length; j++) {
      if ((matched & (1 << j)) !== 0 || guess[i] !== code[j]) continue;
      matched |= 1 << j;
      common++;
      break;
    }
  }
  return { placed, misplaced: common - placed };
}

/** Whether a text is a code of this shape. */
export function isCode(text: string, { digits, symbols, repeats }: CodeShape): boolean {
  if (text.length !== digits || !/^[0-9]+$/.test(text)) return false;
  return [...text].every((symbol) => Number(symbol) < symbols) && (repeats || new Set(text).size === digits);
}

/** All codes of a shape in order: symbols^digits with repeats, else symbols!/(symbols-digits)!. */
export function codesOf(shape: CodeShape): string[] {
  let codes = [''];
  for (let place = 0; place < shape.digits; place++)
    codes = codes.flatMap((code) =>
      Array.from({ length: shape.symbols }, (_, symbol) => String(symbol))
        .filter((symbol) => shape.repeats || !code.includes(symbol))
        .map((symbol) => code + symbol),
    );
  return codes;
}

/** A guess with its feedback. */
export interface Clue extends Feedback {
  readonly guess: string;
}

/** Whether a code agrees with all clues. */
export function fits(code: string, clues: readonly Clue[]): boolean {
  return clues.every(({ guess, placed, misplaced }) => {
    const feedback = feedbackOn(code, guess);
    return feedback.placed === placed && feedback.misplaced === misplaced;
  });
}
