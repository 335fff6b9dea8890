/**
 * Quotes words of commands that are printed for the user to paste into a shell.
 * @module
 */

/** Characters that no shell treats specially. */
const PLAIN = /^[\w@%+:,./][\w@%+=:,./-]*$/;

/** Returns a word as one argument of a POSIX shell: unchanged if it is plain, else in single quotes. */
export function shellWord(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns a path as one argument that no command reads as a flag. */
export function shellPath(path: string): string {
  return shellWord(path.startsWith('-') ? `./${path}` : path);
}
