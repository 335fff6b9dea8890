/**
 * Ctrl-C: the first one asks whatever runs to stop after the write it is in, the second ends the process.
 * @module
 */

/** Shell convention for a process ended by SIGINT. */
const INTERRUPTED = 130;

export interface Interruption {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  release(): void;
}

/**
 * @param hint - said at the first Ctrl-C: what happens now
 * @param on - where signals come from and what ends the process
 */
export function listenForInterrupt(
  hint: string,
  on: Pick<NodeJS.Process, 'on' | 'off' | 'exit' | 'stderr'> = process,
): Interruption {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) on.exit(INTERRUPTED);
    on.stderr.write(`\n${hint}; Ctrl-C again stops at once\n`);
    controller.abort();
  };
  on.on('SIGINT', onSignal);
  return { signal: controller.signal, release: () => on.off('SIGINT', onSignal) };
}

/** For what is meant to end by Ctrl-C or SIGTERM; the second one does not wait. */
export function listenForEnd(): Interruption {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal);
    },
  };
}
