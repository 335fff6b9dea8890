/**
 * Handles Ctrl-C: the first Ctrl-C aborts the command's AbortSignal, the second one ends the process.
 * @module
 */

/** Exit code after SIGINT, by shell convention. */
const INTERRUPTED = 130;

type Process = Pick<NodeJS.Process, 'on' | 'off' | 'exit' | 'stderr'>;

export interface Interruption {
  /** Signal that the first Ctrl-C aborts. */
  readonly signal: AbortSignal;
  /** Removes the signal handlers. */
  release(): void;
}

/** An interruption whose signal handler is installed later. Until then, Ctrl-C ends the process. */
export interface DeferredInterruption extends Interruption {
  /** Installs the signal handler; further calls have no effect. */
  listen(): void;
}

/**
 * Installs the handler of Ctrl-C.
 *
 * @param hint - text that is printed at the first Ctrl-C and explains what happens next
 * @param on - process whose signals are handled; default: this process
 */
export function listenForInterrupt(hint: string, on: Process = process): Interruption {
  const interruption = prepareInterrupt(hint, on);
  interruption.listen();
  return interruption;
}

/** Like {@link listenForInterrupt}, but the handler is installed when the caller calls `listen`. */
export function prepareInterrupt(hint: string, on: Process = process): DeferredInterruption {
  const controller = new AbortController();
  let isListening = false;
  const onSignal = (): void => {
    if (controller.signal.aborted) on.exit(INTERRUPTED);
    on.stderr.write(`\n${hint}; Ctrl-C again stops at once\n`);
    controller.abort();
  };
  return {
    signal: controller.signal,
    listen() {
      if (isListening) return;
      isListening = true;
      on.on('SIGINT', onSignal);
    },
    release: () => on.off('SIGINT', onSignal),
  };
}

/**
 * Handles signals for commands that run until Ctrl-C or SIGTERM. A second signal ends the process without
 * cleanup.
 */
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
