/**
 * Error of a run that was stopped by its abort signal. The run can be resumed from its last checkpoint.
 * @module
 */
import { TroupeError } from '../support/errors.ts';

/** Thrown when the abort signal stopped a run. The exit code 130 is the shell's convention for SIGINT. */
export class Interrupted extends TroupeError {
  override readonly name = 'Interrupted';
  readonly exitCode = 130;

  constructor(message: string, cause?: unknown) {
    super(message, 'TROUPE_INTERRUPTED', cause);
  }
}
