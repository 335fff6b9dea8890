/**
 * Errors that are shown to users: one class per layer of the program, with stable codes. Format of messages:
 * `<where>: expected <what>, got <value>; <what to do>`. Functions of `core/` throw `DomainError` instead.
 * @module
 */

export interface TroupeErrorOptions {
  readonly code?: string;
  readonly cause?: unknown;
}

/** Base class of all errors that are shown to a user as one line. */
export abstract class TroupeError extends Error {
  abstract readonly exitCode: number;
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** One problem in a user's file or flags. */
export interface ConfigIssue {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly message: string;
  readonly suggestion?: string;
}

/** The configuration, the flags or an input file is invalid. The command has not written anything yet. */
export class ConfigError extends TroupeError {
  override readonly name = 'ConfigError';
  readonly exitCode = 2;
  readonly issues: readonly ConfigIssue[];

  constructor(
    message: string,
    options: TroupeErrorOptions & { readonly issues?: readonly ConfigIssue[] } = {},
  ) {
    super(message, options.code ?? 'TROUPE_CONFIG', options.cause);
    this.issues = options.issues ?? [];
  }
}

/** An engine, which runs a model, failed. */
export class EngineError extends TroupeError {
  override readonly name = 'EngineError';
  readonly exitCode: number;
  readonly retryable: boolean;

  constructor(message: string, options: TroupeErrorOptions & { readonly retryable?: boolean } = {}) {
    super(message, options.code ?? 'TROUPE_ENGINE', options.cause);
    this.retryable = options.retryable ?? false;
    this.exitCode = this.retryable ? 75 : 1;
  }
}

/** The data of a task are invalid, or its verifier failed. A wrong answer of a model is not an error. */
export class TaskError extends TroupeError {
  override readonly name = 'TaskError';
  readonly exitCode = 1;

  constructor(message: string, options: TroupeErrorOptions = {}) {
    super(message, options.code ?? 'TROUPE_TASK', options.cause);
  }
}

/** A run folder is locked, damaged or cannot be written. The message names the data that are still intact. */
export class StoreError extends TroupeError {
  override readonly name = 'StoreError';
  readonly exitCode: number;

  constructor(message: string, options: TroupeErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options.code ?? 'TROUPE_STORE', options.cause);
    this.exitCode = options.exitCode ?? 74;
  }
}
