/**
 * Reads a case of AR-Bench DC, and formats the parts of it that are shown to the team.
 * @module
 */
import { Fields, type ReadResult } from './records.ts';

/** Letters that denote the five suspects in the final answer. */
export const LETTERS = ['A', 'B', 'C', 'D', 'E'] as const;

/** A suspect, with the instructions for the model that plays the suspect. */
export interface Suspect {
  readonly name: string;
  readonly task: string;
  readonly story: string;
}

/** The description of a person that is shown to the team. */
interface Person {
  readonly name: string;
  readonly introduction: string;
}

export interface DetectiveCase {
  readonly index: number;
  readonly time: string;
  readonly location: string;
  readonly victim: Person & { readonly causeOfDeath: string; readonly murderWeapon: string };
  /** The suspects as shown to the team, in the order of their letters A to E. */
  readonly shown: readonly Person[];
  /** The same suspects with their instructions, in an order that differs from that of `shown`. */
  readonly suspects: readonly Suspect[];
  /** Index of the murderer in `shown`. */
  readonly label: number;
  readonly keyQuestions: readonly string[];
}

export function readCase(value: unknown): ReadResult<DetectiveCase> {
  const fields = new Fields(value);
  const information = fields.object('initial_information');
  const victim = information.object('victim');
  const shown = information.each('suspect', (one) => ({
    name: one.text('name'),
    introduction: one.text('introduction'),
  }));
  const suspects = fields.each('suspects', (one) => {
    return { name: one.text('name'), task: one.text('task'), story: one.text('story') };
  });
  const record = {
    index: fields.integer('index', Number.MAX_SAFE_INTEGER),
    time: information.text('time'),
    location: information.text('location'),
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
    information.expected ??
    victim.expected ??
    (shown.length === LETTERS.length ? undefined : `${LETTERS.length} suspects, got ${shown.length}`) ??
    (unknown && `a story of the suspect "${unknown.name}", got none`);
  return expected === undefined ? { record } : { expected };
}

/** Writes the information about the case that the team gets at the start. */
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
