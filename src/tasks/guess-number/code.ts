/**
 * Codes of the guessing game (bulls and cows, Mastermind) and the feedback on a guess.
 * @module
 */

export interface CodeShape {
  /** Length of a code. */
  readonly digits: number;
  /** Number of different symbols, which are the digits 0, 1, ... */
  readonly symbols: number;
  /** Whether a symbol may occur more than once in a code. */
  readonly repeats: boolean;
}

export interface Feedback {
  /** Number of correct symbols in the right place. */
  readonly placed: number;
  /** Number of other symbols of the guess that occur elsewhere in the code. */
  readonly misplaced: number;
}

/**
 * Computes the feedback on a guess. A symbol of the code matches at most one symbol of the guess, so with
 * repeated symbols placed + misplaced is the size of the intersection of the two multisets of symbols.
 *
 * @param code - has the length of the guess
 *
 * @example
 * feedbackOn('0123', '0231'); // => { placed: 1, misplaced: 3 }
 */
export function feedbackOn(code: string, guess: string): Feedback {
  let placed = 0;
  let common = 0;
  let matched = 0; // bit j is set if symbol j of the code is matched
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

/** Whether a text is a code with these symbols and this length. */
export function isCode(text: string, { digits, symbols, repeats }: CodeShape): boolean {
  if (text.length !== digits || !/^[0-9]+$/.test(text)) return false;
  return [...text].every((symbol) => Number(symbol) < symbols) && (repeats || new Set(text).size === digits);
}

/**
 * Returns all codes in ascending order: symbols^digits codes with repeats, otherwise
 * symbols!/(symbols-digits)! codes.
 */
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

/** Whether a code would give the feedback of every clue. */
export function fits(code: string, clues: readonly Clue[]): boolean {
  return clues.every(({ guess, placed, misplaced }) => {
    const feedback = feedbackOn(code, guess);
    return feedback.placed === placed && feedback.misplaced === misplaced;
  });
}
