/**
 * Check of the files that are named on the command line of a script.
 * @module
 */
import { statSync } from 'node:fs';

/** @throws Error with a message of one line if the path does not exist or is a folder */
export function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${path}: expected a file, got nothing there; check the path`);
  if (found.isDirectory()) throw new Error(`${path}: expected a file, got a folder; name the files in it`);
}
