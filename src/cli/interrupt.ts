/**
 * Ctrl-C: the first one aborts the command's AbortSignal, the second one ends the process.
 * @module
 */

/** Exit code of a process that SIGINT ended, by shell convention. */
const INTERRUPTED = 130;

type Process = Pick<NodeJS.Process, 'on' | 'off' | 'exit' | 'stderr'>;

export interface Interruption {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Removes the signal handlers. */
  release(): void;
}

/** An interruption whose handler is installed later: until then Ctrl-C ends the process. */
export interface DeferredInterruption extends Interruption {
  /** Installs the handler, once. */
  listen(): void;
}

/**
 * @param hint - printed at the first Ctrl-C: what happens now
 * @param on - source of signals; default: this process
 */
export function listenForInterrupt(hint: string, on: Process = process): Interruption {
  const interruption = prepareInterrupt(hint, on);
  interruption.listen();
  return interruption;
}

/** {@link listenForInterrupt} from the call of `listen` on. */
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

/** For commands that run until Ctrl-C or SIGTERM. A second signal ends the process without cleanup. */
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
