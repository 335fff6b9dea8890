/**
 * Errors that are shown to users, one class per layer, with stable codes.
 * Format of messages: `<where>: expected <what>, got <value>; <what to do>`. The core throws `DomainError`.
 * @module
 */

export interface TroupeErrorOptions {
  readonly code?: string;
  readonly cause?: unknown;
}

/** Base of every error that is shown to a user as one line. */
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

/** Invalid configuration, flags or input files; nothing was written. */
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

/** A model backend failed. */
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

/** Invalid task data, or an error of a verifier; a wrong answer is not an error. */
export class TaskError extends TroupeError {
  override readonly name = 'TaskError';
  readonly exitCode = 1;

  constructor(message: string, options: TroupeErrorOptions = {}) {
    super(message, options.code ?? 'TROUPE_TASK', options.cause);
  }
}

/** A run folder that is locked, damaged or cannot be written; the message names data that is still intact. */
export class StoreError extends TroupeError {
  override readonly name = 'StoreError';
  readonly exitCode: number;

  constructor(message: string, options: TroupeErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options.code ?? 'TROUPE_STORE', options.cause);
    this.exitCode = options.exitCode ?? 74;
  }
}
