/**
 * A stored transcript: the fields that training completions and evaluations share, and those of one of them.
 * @module
 */

/** One transcript; training keeps fewer fields than an evaluation. */
export interface Transcript {
  /** Training: stage, and the agent whose batch the episode belongs to. */
  readonly stage?: number;
  readonly agent?: number;
  /** Evaluation: index of the prompt in its split. */
  readonly index?: number;
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

/** A file of transcripts: a stage of training, a benchmark, an evaluation. */
export interface TranscriptFile {
  /** `stage 3`, `math500`, `quickstart-test`. */
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
