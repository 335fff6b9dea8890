/**
 * The tasks, verifiers and benchmarks of this package, each described in one line.
 * @module
 */
export interface TaskCatalogue {
  readonly tasks: Readonly<Record<string, string>>;
  /** Verifiers of JSON-lines tasks. */
  readonly verifiers: Readonly<Record<string, string>>;
  readonly benchmarks: Readonly<
    Record<
      string,
      {
        readonly about: string;
        /** Number of prompts. */
        readonly items: number;
        /** Samples per prompt. */
        readonly k: number;
      }
    >
  >;
}
