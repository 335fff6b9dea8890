/**
 * AR-Bench DC: find the murderer among five suspects by questioning them. Each round has two messages, whom to ask
 * and what; the suspect, played by a model that knows the suspect's story, answers in one sentence and remembers
 * what it was asked before.
 *
 * Differs from the official code: the background stands in the first user message, nested parts of it as lines
 * rather than as Python dictionaries, and what follows on an answer is one user message with it; all words are our
 * own. Blanks around a name do not count, and a name may end in a full stop of its own.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD, excerpt, noAnswer, right, wrong } from '../../grade/verdict.ts';
import { readOptions } from '../../support/options.ts';
import type { Answerer, EnvironmentStep, Inquiry, Task, TaskItem, Verdict } from '../../task/task.ts';
import { type AnswererRequest, readAnswerer } from '../shared/answerer-options.ts';
import { background, choices, type DetectiveCase, LETTERS, readCase, type Suspect } from './case.ts';
import { hitShare, hitsOf, judgeQuestion } from './key-questions.ts';
import { readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-dc';

export interface DetectiveCasesOptions {
  /** Official list of test cases, all held out. */
  readonly path: string | undefined;
  /** Official list of training cases. */
  readonly trainPath: string | undefined;
  readonly rounds: number;
  /** Also ask a judge which key questions every question hits: twice as many questions to the answerer. */
  readonly process: boolean;
}

/**
 * Reads YAML options: `path`, `train_path` (one at least), `rounds` (1..100, default 25), `process` and whom to ask
 * (`answerer_...`).
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readDetectiveCasesOptions(
  record: Readonly<Record<string, unknown>>,
): DetectiveCasesOptions & { readonly answerer: AnswererRequest } {
  const options = readOptions(`task ${NAME}`, record);
  const read = {
    path: options.optionalText('path'),
    trainPath: options.optionalText('train_path'),
    rounds: options.integer('rounds', { default: 25, min: 1, max: 100 }),
    process: options.boolean('process', false),
    answerer: readAnswerer(options),
  };
  if (read.path === undefined && read.trainPath === undefined)
    options.reject('path', 'expected a file of cases, or train_path, got neither');
  options.finish();
  return read;
}

/** @throws ConfigError naming the record of a file that is no case */
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
      reset: ({ data }) => scene({ file: data as DetectiveCase, rules }, { rounds: 0, asked: [], hits: [] }),
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

interface Standing {
  /** Rounds that are over. */
  readonly rounds: number;
  readonly asked: readonly Testimony[];
  /** Key questions hit so far. */
  readonly hits: readonly number[];
  /** Who is asked next; absent: the next message names somebody. */
  readonly suspect?: Suspect;
  readonly reply?: string;
  readonly accusation?: string;
}

function scene(game: { readonly file: DetectiveCase; readonly rules: Rules }, at: Standing): EnvironmentStep {
  const { file, rules } = game;
  const { rounds, asked, hits, suspect } = at;
  /** The round is over; asks what comes next. */
  const nextRound = (said: string, more: Partial<Standing> = {}): EnvironmentStep => {
    const next = rounds + 1 < rules.rounds ? askWhom(rounds + 2, file) : finalQuestion(file);
    return scene(game, { asked, hits, ...more, rounds: rounds + 1, reply: `${said}\n\n${next}` });
  };
  const name = (text: string): EnvironmentStep => {
    const named = suspectNamed(file, afterThinking(text));
    return named === undefined
      ? nextRound('That is not the full name of one suspect, so this turn is lost. Answer with a name alone.')
      : scene(game, { rounds, asked, hits, suspect: named, reply: askWhat(rounds + 1) });
  };
  const question = (who: Suspect, text: string): Inquiry => {
    const said = afterThinking(text).trim();
    return {
      question: { messages: interrogation(who, asked, said) },
      answered(spoken) {
        const answer = afterThinking(spoken).trim();
        const testimonies = [...asked, { suspect: who, question: said, answer }];
        if (!rules.process) return nextRound(answer, { asked: testimonies });
        const { keyQuestions } = file;
        return {
          question: judgeQuestion({ truth: truthOf(file, who), keyQuestions }, said),
          answered(judged) {
            const more = hitsOf(afterThinking(judged), keyQuestions.length);
            return nextRound(answer, { asked: testimonies, hits: [...hits, ...more] });
          },
        };
      },
    };
  };
  return {
    done: at.accusation !== undefined,
    ...(at.reply !== undefined && { observation: at.reply }),
    step(text) {
      if (rounds === rules.rounds) return scene(game, { rounds, asked, hits, accusation: text });
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

/** The suspect whose full name a message is, one punctuation mark at each end left out. */
function suspectNamed({ suspects }: DetectiveCase, text: string): Suspect | undefined {
  const said = text.trim();
  const bare = said.replace(/^[!-/:-@[-`{-~]/, '').replace(/[!-/:-@[-`{-~]$/, '');
  return suspects.find(({ name }) => name === said || name === bare);
}

/** The last letter A to E behind the first `Answer:`, on its line. */
/** The letter that a text accuses. */
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
    ? right(letter, `${letter} is the murderer`)
    : wrong(letter, `got ${letter}, expected ${gold}`);
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

/** What the judge knows: the case, and the story of who was asked. */
function truthOf(file: DetectiveCase, { name, story }: Suspect): string {
  return `${background(file)}\nThe question is for ${name}, whose story is: ${story}`;
}
