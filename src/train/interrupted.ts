/**
 * The end of a run that somebody asked to stop; not a failure, and nothing is lost.
 * @module
 */
import { TroupeError } from '../support/errors.ts';

/** Exit code 130, as a shell reports Ctrl-C. */
export class Interrupted extends TroupeError {
  override readonly name = 'Interrupted';
  readonly exitCode = 130;

  constructor(message: string, cause?: unknown) {
    super(message, 'TROUPE_INTERRUPTED', cause);
  }
}
