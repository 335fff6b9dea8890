/**
 * Programs that send a signal to themselves at a certain moment of their work: neither a busy nor a quick machine
 * makes it another moment, as it does where a test watches from outside.
 * @module
 */

/** When all lines of its standard output, or of a file, are at least so many. */
export interface SignalMoment {
  readonly lines: number;
  /** Absent: its standard output. */
  readonly file?: string;
}

/** @returns the environment to start the program with */
export function signalsItself(signal: NodeJS.Signals, { lines, file }: SignalMoment): NodeJS.ProcessEnv {
  const told = JSON.stringify({ signal, lines, file });
  const program = file === undefined ? WRITES : LOOKS;
  const url = `data:text/javascript;base64,${Buffer.from(`const told = ${told};${program}`).toString('base64')}`;
  return { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${url}` };
}

const WRITES = `
const write = process.stdout.write.bind(process.stdout);
let lines = 0;
process.stdout.write = (text, ...rest) => {
  const isWritten = write(text, ...rest);
  const before = lines;
  lines += String(text).split('\\n').length - 1;
  if (before < told.lines && lines >= told.lines) process.kill(process.pid, told.signal);
  return isWritten;
};`;

// between two turns of its own loop: no more than one step of the work later
const LOOKS = `
import { readFileSync } from 'node:fs';
const timer = setInterval(() => {
  let text = '';
  try { text = readFileSync(told.file, 'utf8'); } catch { return; }
  if (text.split('\\n').length - 1 < told.lines) return;
  clearInterval(timer);
  process.kill(process.pid, told.signal);
}, 1).unref();`;
