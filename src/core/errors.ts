/**
 * The one error the pure core throws: a function was called outside its domain.
 * Sibling classes of the outer layers are in `support/errors.ts`.
 * @module
 */

/** A pure function was called outside its domain; message: `<where>: expected <what>, got <value>`. */
export class DomainError extends RangeError {
  override readonly name = 'DomainError';
  readonly code: string;

  constructor(message: string, code = 'TROUPE_DOMAIN') {
    super(message);
    this.code = code;
  }
}
