/**
 * The only error class that the core throws. The error classes of the other layers are in `support/errors.ts`.
 * @module
 */

/** An argument is outside the function's domain. Message: `<function>: expected <condition>, got <value>`. */
export class DomainError extends RangeError {
  override readonly name = 'DomainError';
  readonly code: string;

  constructor(message: string, code = 'TROUPE_DOMAIN') {
    super(message);
    this.code = code;
  }
}
