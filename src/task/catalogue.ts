/**
 * Descriptions of the tasks, verifiers and benchmarks of this package, one line each.
 * @module
 */
export interface TaskCatalogue {
  readonly tasks: Readonly<Record<string, string>>;
  /** Descriptions of the verifiers, which JSON-lines tasks use, by name. */
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
