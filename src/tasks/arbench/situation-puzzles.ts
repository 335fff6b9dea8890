/**
 * The task `arbench-sp` (AR-Bench SP): find the explanation of a strange story by yes-or-no questions, and
 * then tell it. The answerer model plays a referee, who knows the solution and answers each question
 * independently of the other questions.
 *
 * Differs from the official code: the rules are part of the first user message. An answer and the next
 * instruction are one user message. The prompts are worded differently. The official score is an F1 over
 * words. The threshold for a correct story (`correct_f1`) and the grading of key questions during the episode
 * are additions.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { z } from 'zod';
import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD } from '../../grade/verdict.ts';
import { flag, integer, number, text } from '../../schema/fields.ts';
import { rejectOption } from '../../schema/options.ts';
import { answererOptions, answererRequest, requireAnswerer } from '../../task/answerer.ts';
import { defineTask } from '../../task/definition.ts';
import type {
  Answerer,
  EnvironmentStep,
  PendingStep,
  Question,
  Task,
  TaskItem,
  Verdict,
} from '../../task/task.ts';
import { storyF1 } from './bag-f1.ts';
import { gradingQuestion, hitShare, hitsOf } from './key-questions.ts';
import { Fields, type ReadResult, readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-sp';

export interface SituationPuzzlesOptions {
  /** File with the official list of test puzzles, which is the test split. */
  readonly path?: string | undefined;
  /** File with the official list of training puzzles. */
  readonly trainPath?: string | undefined;
  readonly rounds: number;
  /**
   * Whether to grade, with a second call of the answerer model per question, which key questions the question
   * covers.
   */
  readonly process: boolean;
  /** Minimum F1 over words at which a story counts as correct. The reward is the F1 itself. */
  readonly correctF1: number;
}

/** The task `arbench-sp` of a team file. */
export const situationPuzzles = defineTask({
  name: NAME,
  about: 'AR-Bench SP: ask a referee, played by a model, for the story behind a puzzle: interactive',
  options: z
    .strictObject({
      path: text('the name of a file').optional().describe('Official list of test puzzles: the test split.'),
      train_path: text('the name of a file').optional().describe('Official list of training puzzles.'),
      rounds: integer({ min: 1, max: 100 }).default(25).describe('Questions of an episode.'),
      process: flag()
        .default(false)
        .describe('Also grade which key questions each question covers, with a second call of the answerer.'),
      correct_f1: number({ min: 0, max: 1 })
        .default(0.5)
        .describe('Minimum F1 over words of a correct story; the reward is the F1 itself.'),
      ...answererOptions,
    })
    .superRefine((options, context) => {
      if (options.path === undefined && options.train_path === undefined)
        rejectOption(context, 'path', 'expected a file of puzzles, or train_path, got neither');
      requireAnswerer(options, context);
    }),
  create: (options, context) => createSituationPuzzles(options, context.answerer?.(answererRequest(options))),
});

interface Puzzle {
  readonly index: number;
  /** The story that is shown to the team. */
  readonly surface: string;
  /** The solution. */
  readonly bottom: string;
  readonly keyQuestions: readonly string[];
}

/** Creates the task. @throws ConfigError with the first invalid record of a file */
export function createSituationPuzzles(
  { path, trainPath, ...rules }: SituationPuzzlesOptions,
  answerer?: Answerer,
): Task {
  const listed = (file: string | undefined): Puzzle[] | undefined =>
    file === undefined ? undefined : readList(`task ${NAME}`, file, readPuzzle);
  const { splits, warnings } = splitLists({
    test: listed(path),
    train: listed(trainPath),
    nameOf: ({ surface }) => surface,
  });
  return {
    name: NAME,
    rewardRange: BINARY_REWARD,
    warnings,
    size: (split) => splits[split].length,
    item(split, index): TaskItem {
      const puzzle = recordAt(NAME, splits, { split, index });
      const prompt = `${introduction(puzzle, rules.rounds)}\n\n${askFor(1)}`;
      const { surface: problem, bottom: answer } = puzzle;
      return { id: `sp-${split}-${puzzle.index}`, prompt, problem, answer, data: puzzle };
    },
    verify: (item, text) => storyVerdict(item.data as Puzzle, text, rules),
    environment: {
      maxTurns: rules.rounds + 1,
      reset: ({ data }) => stateOf({ puzzle: data as Puzzle, rules }, { turns: 0, hits: [] }),
      ...(answerer && { answerer }),
    },
  };
}

function readPuzzle(value: unknown): ReadResult<Puzzle> {
  const fields = new Fields(value);
  const record = {
    index: fields.integer('index', Number.MAX_SAFE_INTEGER),
    surface: fields.text('surface'),
    bottom: fields.text('bottom'),
    keyQuestions: fields.texts('key_question'),
  };
  return fields.expected === undefined ? { record } : { expected: fields.expected };
}

type Rules = Omit<SituationPuzzlesOptions, 'path' | 'trainPath'>;

interface Progress {
  readonly turns: number;
  /** Indices of the key questions that the team has covered so far. */
  readonly hits: readonly number[];
  readonly reply?: string;
  /** The final answer of the team. */
  readonly story?: string;
}

function stateOf(game: { readonly puzzle: Puzzle; readonly rules: Rules }, at: Progress): EnvironmentStep {
  const { puzzle, rules } = game;
  return {
    done: at.story !== undefined,
    ...(at.reply !== undefined && { observation: at.reply }),
    step(text): EnvironmentStep | PendingStep {
      const said = afterThinking(text).trim();
      const { reply: _, ...known } = at;
      if (at.turns === rules.rounds) return stateOf(game, { ...known, story: said });
      const turns = at.turns + 1;
      const next = turns === rules.rounds ? FINAL : askFor(turns + 1);
      const nextState = (answer: string, hits: readonly number[]): EnvironmentStep =>
        stateOf(game, { turns, hits: [...at.hits, ...hits], reply: `${answer}\n\n${next}` });
      return {
        question: refereeQuestion(puzzle, said),
        resume(text) {
          const answer = afterThinking(text)
            .trim()
            .replace(/^\.+|\.+$/g, '');
          if (!rules.process) return nextState(answer, []);
          const { bottom: truth, keyQuestions } = puzzle;
          return {
            question: gradingQuestion({ truth, keyQuestions }, said),
            resume: (grading) => nextState(answer, hitsOf(afterThinking(grading), keyQuestions.length)),
          };
        },
      };
    },
    verdict(): Verdict {
      const verdict = storyVerdict(puzzle, at.story ?? '', rules);
      const process = rules.process ? { process: hitShare(at.hits, puzzle.keyQuestions.length) } : {};
      return { ...verdict, scores: { ...verdict.scores, ...process } };
    },
  };
}

function storyVerdict({ bottom }: Puzzle, text: string, { correctF1 }: Rules): Verdict {
  const story = afterThinking(text).trim();
  const { words, characters } = storyF1(story, bottom);
  const scores = { f1_words: words, f1_characters: characters };
  const reason = `F1 ${words.toFixed(3)} over words, ${characters.toFixed(3)} over characters`;
  return {
    correct: words >= correctF1,
    reward: words,
    reason,
    scores,
    ...(story !== '' && { answer: story }),
  };
}

function introduction({ surface }: Puzzle, rounds: number): string {
  return `Let us play a situation puzzle. I tell you a strange story, and you find out what lies behind it. You have ${rounds} turns. In each you ask me one yes-or-no question, and I answer "Yes", "No" or "Unknown". After the last turn I ask you for your answer; do not give it before.

The puzzle:
${surface}

Ask in exactly this form:
Q: [your question]`;
}

function askFor(turn: number): string {
  return `Turn ${turn}: ask your next question.`;
}

const FINAL = 'All turns are over. Tell the whole story behind the puzzle now.';

function refereeQuestion({ surface, bottom }: Puzzle, asked: string): Question {
  return {
    messages: [
      {
        role: 'system',
        content: `You are the referee of a situation puzzle. Players know the puzzle and you know the solution. They ask yes-or-no questions about what happened. Answer with exactly one of these:
- "Yes" if puzzle and solution, or what follows from them, say so.
- "No" if they say otherwise.
- "Unknown" if it cannot be told from them.
- "This is not a question, please propose your next question." if the player asks for the solution, or asks nothing that helps to solve the puzzle.
Explain nothing and add nothing.

Example. Puzzle: "A man asks for water at a bar. The barkeeper points a gun at him. He thanks her and goes." Solution: "He had the hiccups; the fright cured them."
"Did she want to kill him?" No. "Did the fright help him?" Yes. "Was he married?" Unknown.

Puzzle:
${surface}

Solution:
${bottom}`,
      },
      { role: 'user', content: asked },
    ],
  };
}
