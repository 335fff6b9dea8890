/**
 * The task `arbench-dc` (AR-Bench DC): find the murderer among five suspects by questioning them. In each
 * round the team sends two messages: the name of a suspect, and a question. The answerer model plays the
 * suspect: it gets the suspect's story and the earlier questions and answers, and answers in one sentence.
 *
 * Differs from the official code: the background is part of the first user message, with nested parts as
 * lines instead of Python dictionaries. An answer and the next instruction are one user message. The prompts
 * are worded differently. Spaces around a name are ignored, and a name may end in its own full stop.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { z } from 'zod';
import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { flag, integer, text } from '../../schema/fields.ts';
import { rejectOption } from '../../schema/options.ts';
import { answererOptions, answererRequest, requireAnswerer } from '../../task/answerer.ts';
import { defineTask } from '../../task/definition.ts';
import type { Answerer, EnvironmentStep, PendingStep, Task, TaskItem, Verdict } from '../../task/task.ts';
import { background, choices, type DetectiveCase, LETTERS, readCase, type Suspect } from './case.ts';
import { gradingQuestion, hitShare, hitsOf } from './key-questions.ts';
import { readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-dc';

export interface DetectiveCasesOptions {
  /** File with the official list of test cases, which is the test split. */
  readonly path?: string | undefined;
  /** File with the official list of training cases. */
  readonly trainPath?: string | undefined;
  readonly rounds: number;
  /**
   * Whether to grade, with a second call of the answerer model per question, which key questions the question
   * covers.
   */
  readonly process: boolean;
}

/** The task `arbench-dc` of a team file. */
export const detectiveCases = defineTask({
  name: NAME,
  about: 'AR-Bench DC: question suspects, played by a model, and name the murderer: interactive',
  options: z
    .strictObject({
      path: text('the name of a file').optional().describe('Official list of test cases: the test split.'),
      train_path: text('the name of a file').optional().describe('Official list of training cases.'),
      rounds: integer({ min: 1, max: 100 }).default(25).describe('Questions of an episode.'),
      process: flag()
        .default(false)
        .describe('Also grade which key questions each question covers, with a second call of the answerer.'),
      ...answererOptions,
    })
    .superRefine((options, context) => {
      if (options.path === undefined && options.train_path === undefined)
        rejectOption(context, 'path', 'expected a file of cases, or train_path, got neither');
      requireAnswerer(options, context);
    }),
  create: (options, context) => createDetectiveCases(options, context.answerer?.(answererRequest(options))),
});

/** Creates the task. @throws ConfigError with the first invalid record of a file */
export function createDetectiveCases(
  { path, trainPath, ...rules }: DetectiveCasesOptions,
  answerer?: Answerer,
): Task {
  const listed = (file: string | undefined): DetectiveCase[] | undefined =>
    file === undefined ? undefined : readList(`task ${NAME}`, file, readCase);
  const { splits, warnings } = splitLists({
    test: listed(path),
    train: listed(trainPath),
    nameOf: background,
  });
  return {
    name: NAME,
    rewardRange: BINARY_REWARD,
    warnings,
    size: (split) => splits[split].length,
    item(split, index): TaskItem {
      const data = recordAt(NAME, splits, { split, index });
      const problem = background(data);
      const prompt = `${introduction(problem, rules.rounds)}\n\n${askWhom(1, data)}`;
      return { id: `dc-${split}-${data.index}`, prompt, problem, answer: LETTERS[data.label], data };
    },
    verify: ({ data }, text) => accusation(data as DetectiveCase, text),
    answerOf: accused,
    environment: {
      maxTurns: 2 * rules.rounds + 1,
      reset: ({ data }) =>
        stateOf({ file: data as DetectiveCase, rules }, { rounds: 0, asked: [], hits: [] }),
      ...(answerer && { answerer }),
    },
  };
}

type Rules = Omit<DetectiveCasesOptions, 'path' | 'trainPath'>;

interface Testimony {
  readonly suspect: Suspect;
  readonly question: string;
  readonly answer: string;
}

interface Progress {
  /** Completed rounds. */
  readonly rounds: number;
  readonly asked: readonly Testimony[];
  /** Indices of the key questions that the team has covered so far. */
  readonly hits: readonly number[];
  /** The suspect to whom the next message is a question. Absent if the next message has to name a suspect. */
  readonly suspect?: Suspect;
  readonly reply?: string;
  readonly accusation?: string;
}

function stateOf(
  game: { readonly file: DetectiveCase; readonly rules: Rules },
  at: Progress,
): EnvironmentStep {
  const { file, rules } = game;
  const { rounds, asked, hits, suspect } = at;
  /** Ends the round: the observation is the text and the instruction for the next round. */
  const nextRound = (text: string, more: Partial<Progress> = {}): EnvironmentStep => {
    const next = rounds + 1 < rules.rounds ? askWhom(rounds + 2, file) : finalQuestion(file);
    return stateOf(game, { asked, hits, ...more, rounds: rounds + 1, reply: `${text}\n\n${next}` });
  };
  const name = (text: string): EnvironmentStep => {
    const named = suspectNamed(file, afterThinking(text));
    return named === undefined
      ? nextRound('That is not the full name of one suspect, so this turn is lost. Answer with a name alone.')
      : stateOf(game, { rounds, asked, hits, suspect: named, reply: askWhat(rounds + 1) });
  };
  const question = (who: Suspect, text: string): PendingStep => {
    const said = afterThinking(text).trim();
    return {
      question: { messages: interrogation(who, asked, said) },
      resume(spoken) {
        const answer = afterThinking(spoken).trim();
        const testimonies = [...asked, { suspect: who, question: said, answer }];
        if (!rules.process) return nextRound(answer, { asked: testimonies });
        const { keyQuestions } = file;
        return {
          question: gradingQuestion({ truth: truthOf(file, who), keyQuestions }, said),
          resume(grading) {
            const covered = hitsOf(afterThinking(grading), keyQuestions.length);
            return nextRound(answer, { asked: testimonies, hits: [...hits, ...covered] });
          },
        };
      },
    };
  };
  return {
    done: at.accusation !== undefined,
    ...(at.reply !== undefined && { observation: at.reply }),
    step(text) {
      if (rounds === rules.rounds) return stateOf(game, { rounds, asked, hits, accusation: text });
      return suspect === undefined ? name(text) : question(suspect, text);
    },
    verdict() {
      const scores = {
        questions: asked.length,
        ...(rules.process && { process: hitShare(hits, file.keyQuestions.length) }),
      };
      return { ...accusation(file, at.accusation ?? ''), scores };
    },
  };
}

/**
 * Returns the suspect whose full name is the message. One punctuation mark before and one after the name are
 * ignored.
 */
function suspectNamed({ suspects }: DetectiveCase, text: string): Suspect | undefined {
  const said = text.trim();
  const stripped = said.replace(/^[!-/:-@[-`{-~]/, '').replace(/[!-/:-@[-`{-~]$/, '');
  return suspects.find(({ name }) => name === said || name === stripped);
}

/**
 * Returns the letter of the accused suspect: the last letter A to E on the line of the first `Answer:`, after
 * it.
 */
function accused(text: string): string | undefined {
  const said = /Answer:\s*(.*)/.exec(afterThinking(text))?.[1];
  return said?.match(/[A-E]/g)?.at(-1);
}

function accusation({ label }: DetectiveCase, text: string): Verdict {
  const letter = accused(text);
  if (letter === undefined)
    return noAnswer(`expected "Answer:" and a letter from A to E, got ${excerpt(text)}`);
  const gold = LETTERS[label];
  return letter === gold
    ? correct(letter, `${letter} is the murderer`)
    : incorrect(letter, `got ${letter}, expected ${gold}`);
}

function introduction(caseText: string, rounds: number): string {
  return `You are a detective. Find out which of the suspects is the murderer by questioning them. You have ${rounds} turns; in each you choose one suspect and ask one question.

The case:
${caseText}`;
}

function askWhom(turn: number, file: DetectiveCase): string {
  const names = file.shown.map(({ name }) => name).join(', ');
  return `Turn ${turn}: choose whom to question: ${names}. Answer with the whole name and nothing else.`;
}

function askWhat(turn: number): string {
  return `Turn ${turn}: ask your question: a single one, not several in one.`;
}

function finalQuestion(file: DetectiveCase): string {
  return `All turns are over. Who is the murderer? ${choices(file)}
Answer in this form:
Reason: [why]
Answer: [A, B, C, D or E]`;
}

function interrogation(
  { name, task, story }: Suspect,
  asked: readonly Testimony[],
  question: string,
): { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[] {
  const earlier = asked.filter(({ suspect }) => suspect.name === name);
  return [
    {
      role: 'system',
      content: `You play a suspect in a murder case and answer a detective. Stay in your role and answer in one sentence.

Your name: ${name}
Your task: ${task}
Your story: ${story}`,
    },
    ...earlier.flatMap((one) => [
      { role: 'user' as const, content: one.question },
      { role: 'assistant' as const, content: one.answer },
    ]),
    { role: 'user', content: question },
  ];
}

/** Writes the facts by which a question is graded: the case, and the story of the questioned suspect. */
function truthOf(file: DetectiveCase, { name, story }: Suspect): string {
  return `${background(file)}\nThe question is for ${name}, whose story is: ${story}`;
}
