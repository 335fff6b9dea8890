/**
 * A stored transcript of an episode, written by training (`completions/`) or by an evaluation. Fields that
 * only one of the two writes are optional.
 * @module
 */

/** Transcript of one episode. Training stores fewer fields than an evaluation. */
export interface Transcript {
  /** Number of the stage; training only. */
  readonly stage?: number;
  /** Id of the agent that learned from the episode; training only. */
  readonly agent?: number;
  /** Index of the prompt in its split; evaluations only. */
  readonly index?: number;
  /** Split of the prompt; training only, absent for `train`. */
  readonly split?: string;
  /** Id of the item. */
  readonly item: string;
  readonly sample: number;
  readonly difficulty?: string;
  readonly prompt: string;
  readonly messages: readonly {
    readonly turn: number;
    readonly agent: string | number;
    readonly text: string;
    readonly tokens?: number;
    readonly finish?: string;
  }[];
  readonly answer?: string;
  readonly gold?: string;
  readonly correct: boolean;
  readonly reason: string;
  readonly reward: number;
  readonly agents?: readonly {
    readonly agent: string;
    readonly answer?: string;
    readonly correct: boolean;
    readonly reason: string;
  }[];
}

/** A file of transcripts: of a stage of training or of a benchmark. */
export interface TranscriptFile {
  /** Name of the file for display, e.g. `stage 3`, `math500`, `quickstart-test`. */
  readonly name: string;
  readonly kind: 'training' | 'evaluation';
  readonly path: string;
}

export interface FoundTranscript {
  readonly file: TranscriptFile;
  /** Position of the prompt in the order of the file. */
  readonly position: number;
  readonly transcript: Transcript;
}
