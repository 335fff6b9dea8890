/**
 * Codes of the guessing game (bulls and cows, Mastermind) and what a guess is told about one.
 * @module
 */

export interface CodeShape {
  /** Symbols of a code. */
  readonly digits: number;
  /** How many different symbols there are: 0, 1, ... */
  readonly symbols: number;
  /** Whether a symbol may stand in a code more than once. */
  readonly repeats: boolean;
}

export interface Feedback {
  /** Symbols that are right and in the right place. */
  readonly placed: number;
  /** Further symbols of the guess that are in the code, at another place. */
  readonly misplaced: number;
}

/**
 * What a guess is told. A symbol of the code answers for one symbol of the guess, so with repeats the two
 * counts add up to what both have in common.
 *
 * @param code - as long as the guess
 *
 * @example
 * feedbackOn('0123', '0231'); // => { placed: 1, misplaced: 3 }
 */
export function feedbackOn(code: string, guess: string): Feedback {
  let placed = 0;
  let common = 0;
  let taken = 0; // bit j: symbol j of the code has answered for one
  for (let i = 0; i < guess.length; i++) {
    if (guess[i] === code[i]) placed++;
    for (let j = 0; j < code.length; j++) {
      if ((taken & (1 << j)) !== 0 || guess[i] !== code[j]) continue;
      taken |= 1 << j;
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

/** Every code of a shape, in order: symbols^digits of them with repeats, else symbols!/(symbols-digits)!. */
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

/** A guess and what it was told. */
export interface Clue extends Feedback {
  readonly guess: string;
}

/** Whether a code could be the secret, for all that is known. */
export function fits(code: string, clues: readonly Clue[]): boolean {
  return clues.every(({ guess, placed, misplaced }) => {
    const told = feedbackOn(code, guess);
    return told.placed === placed && told.misplaced === misplaced;
  });
}
