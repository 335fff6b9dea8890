/**
 * Makes a program send itself a signal at a certain moment of its work. The moment does not depend on the
 * speed of the machine, as it would if the test watched the program from outside.
 * @module
 */

/** The moment at which standard output, or a file, has at least `lines` lines. */
export interface SignalMoment {
  readonly lines: number;
  /** Path of the file whose lines are counted. Absent: standard output. */
  readonly file?: string;
}

/** @returns environment variables with which the program sends itself the signal */
export function signalsItself(signal: NodeJS.Signals, { lines, file }: SignalMoment): NodeJS.ProcessEnv {
  const settings = JSON.stringify({ signal, lines, file });
  const program = file === undefined ? WATCH_OUTPUT : WATCH_FILE;
  const url = `data:text/javascript;base64,${Buffer.from(`const settings = ${settings};${program}`).toString('base64')}`;
  return { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${url}` };
}

const WATCH_OUTPUT = `
const write = process.stdout.write.bind(process.stdout);
let lines = 0;
process.stdout.write = (text, ...rest) => {
  const isWritten = write(text, ...rest);
  const before = lines;
  lines += String(text).split('\\n').length - 1;
  if (before < settings.lines && lines >= settings.lines) process.kill(process.pid, settings.signal);
  return isWritten;
};`;

// Checks the file between two turns of the program's event loop. The signal is late by at most one step of
// the program's work.
const WATCH_FILE = `
import { readFileSync } from 'node:fs';
const timer = setInterval(() => {
  let text = '';
  try { text = readFileSync(settings.file, 'utf8'); } catch { return; }
  if (text.split('\\n').length - 1 < settings.lines) return;
  clearInterval(timer);
  process.kill(process.pid, settings.signal);
}, 1).unref();`;
