/**
 * Lets a program send a signal to itself at a defined point of its work. Unlike a signal from the test, this point does not
 * depend on the speed of the machine.
 * @module
 */

/** Minimum number of lines of the standard output, or of a file, at which the signal is sent. */
export interface SignalMoment {
  readonly lines: number;
  /** Absent: the standard output. */
  readonly file?: string;
}

/** @returns environment in which to start the program */
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

// a timer of the program's own event loop: the signal is at most one step of the work late
const WATCH_FILE = `
import { readFileSync } from 'node:fs';
const timer = setInterval(() => {
  let text = '';
  try { text = readFileSync(settings.file, 'utf8'); } catch { return; }
  if (text.split('\\n').length - 1 < settings.lines) return;
  clearInterval(timer);
  process.kill(process.pid, settings.signal);
}, 1).unref();`;
