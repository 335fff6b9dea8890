/**
 * A case of AR-Bench DC as its file has it, and the parts of it that are shown.
 * @module
 */
import { Fields, type Read } from './records.ts';

/** Letters of the final choice. */
export const LETTERS = ['A', 'B', 'C', 'D', 'E'] as const;

/** A suspect as the answering model knows it. */
export interface Suspect {
  readonly name: string;
  readonly task: string;
  readonly story: string;
}

/** What the team is told of somebody. */
interface Introduced {
  readonly name: string;
  readonly introduction: string;
}

export interface DetectiveCase {
  readonly index: number;
  readonly time: string;
  readonly location: string;
  readonly victim: Introduced & { readonly causeOfDeath: string; readonly murderWeapon: string };
  /** Suspects in the order of the final choice. */
  readonly shown: readonly Introduced[];
  /** The same suspects, in another order. */
  readonly suspects: readonly Suspect[];
  /** Position of the murderer among `shown`. */
  readonly label: number;
  readonly keyQuestions: readonly string[];
}

export function readCase(value: unknown): Read<DetectiveCase> {
  const fields = new Fields(value);
  const told = fields.object('initial_information');
  const victim = told.object('victim');
  const shown = told.each('suspect', (one) => ({
    name: one.text('name'),
    introduction: one.text('introduction'),
  }));
  const suspects = fields.each('suspects', (one) => {
    return { name: one.text('name'), task: one.text('task'), story: one.text('story') };
  });
  const record = {
    index: fields.integer('index', Number.MAX_SAFE_INTEGER),
    time: told.text('time'),
    location: told.text('location'),
    victim: {
      name: victim.text('name'),
      introduction: victim.text('introduction'),
      causeOfDeath: victim.text('cause_of_death'),
      murderWeapon: victim.text('murder_weapon'),
    },
    shown,
    suspects,
    label: fields.integer('label', LETTERS.length - 1),
    keyQuestions: fields.texts('key_question'),
  };
  const unknown = shown.find(({ name }) => !suspects.some((one) => one.name === name));
  const expected =
    fields.expected ??
    told.expected ??
    victim.expected ??
    (shown.length === LETTERS.length ? undefined : `${LETTERS.length} suspects, got ${shown.length}`) ??
    (unknown && `a story of the suspect "${unknown.name}", got none`);
  return expected === undefined ? { record } : { expected };
}

/** All that the team is told before it asks. */
export function background({ time, location, victim, shown }: DetectiveCase): string {
  const suspects = shown.map(({ name, introduction }) => `- ${name}: ${introduction}`).join('\n');
  return `time: ${time}
location: ${location}
victim: ${victim.name}: ${victim.introduction}
cause of death: ${victim.causeOfDeath}
murder weapon: ${victim.murderWeapon}
suspects:
${suspects}`;
}

/** `A. name, B. name, ...` */
export function choices({ shown }: DetectiveCase): string {
  return shown.map(({ name }, i) => `${LETTERS[i]}. ${name}`).join(', ');
}
