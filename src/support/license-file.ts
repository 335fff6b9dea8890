/**
 * Names of licence files in model folders.
 * @module
 */

/** Matches `LICENSE`, `LICENCE.md`, `COPYING.txt` and the like. */
export const LICENSE_FILE = /^(LICEN[CS]E|COPYING)(\.(md|txt))?$/i;
