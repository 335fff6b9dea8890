/**
 * Runs a use case for a command: Ctrl-C aborts the use case, and its events are printed to standard error.
 * @module
 */
import type { UseCaseOptions } from '../app/use-case.ts';
import { printEvents } from './event-printer.ts';
import { listenForInterrupt } from './interrupt.ts';

/** @param hint - text that is printed at the first Ctrl-C and explains what happens next */
export async function withProgress<T>(
  hint: string,
  run: (options: UseCaseOptions) => Promise<T>,
): Promise<T> {
  const interruption = listenForInterrupt(hint);
  const printer = printEvents();
  try {
    return await run({ signal: interruption.signal, onEvent: printer.onEvent });
  } finally {
    printer.close();
    interruption.release();
  }
}
