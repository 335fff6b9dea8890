/**
 * Answers to multiple-choice questions: the letter, alone or with the value of the choice.
 * @module
 */
import { plainWords } from './parse-text.ts';

/** A choice with its value, as in `(C) 25`, `C. 25`, `\textbf{(C)} 25`. */
export interface Choice {
  readonly letter: string;
  /** The text after the letter. */
  readonly value: string;
}

const CHOICE =
  /^(?:\\(?:text|textbf|mathrm|mathbf)\s*\{)?\s*(?:\(([A-H])\)|([A-H])(?:\)|[.:](?=[\s}~\\])))\s*\}?(?:\\[ ,;:!]|\\q?quad|[\s:.~])*(\S.*)$/s;

/** Parses a choice letter and its value; undefined when the text is not a single choice with a value. */
export function choiceOf(text: string): Choice | undefined {
  const [, bracketed, plain, value = ''] = CHOICE.exec(text.trim()) ?? [];
  const letter = bracketed ?? plain;
  const isSeveral = /\([A-H]\)|\b(?:and|or)\b|^[,;+\-*/^_=<>]|\b[B-H][).:]/.test(value);
  return letter === undefined || value === '' || isSeveral ? undefined : { letter, value };
}

/** Returns the letter of an answer that is only a choice letter, such as `C` or `\text{(C)}`. */
export function choiceLetter(text: string): string | undefined {
  const words = plainWords(text);
  return /^[a-h]$/.test(words) && /[A-H]/.test(text) ? words.toUpperCase() : undefined;
}
