/**
 * AR-Bench SP: find out by yes-or-no questions what lies behind a strange story, and tell it in the end. A referee
 * who knows the whole story answers each question by itself.
 *
 * Differs from the official code: the rules stand in the first user message, and what follows on an answer is one
 * user message with it; all words are our own. The score is a share of words, so that a story is right or wrong is
 * our addition (`correct_f1`), as is a program around the judge of key questions.
 * @see Zhou et al., "From passive to active reasoning", arXiv 2506.08295; github.com/tmlr-group/AR-Bench
 * @module
 */

import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD } from '../../grade/verdict.ts';
import { readOptions } from '../../support/options.ts';
import type {
  Answerer,
  EnvironmentStep,
  Inquiry,
  Question,
  Task,
  TaskItem,
  Verdict,
} from '../../task/task.ts';
import { type AnswererRequest, readAnswerer } from '../shared/answerer-options.ts';
import { storyF1 } from './bag-f1.ts';
import { hitShare, hitsOf, judgeQuestion } from './key-questions.ts';
import { Fields, type Read, readList, recordAt, splitLists } from './records.ts';

const NAME = 'arbench-sp';

export interface SituationPuzzlesOptions {
  /** Official list of test puzzles, all held out. */
  readonly path: string | undefined;
  /** Official list of training puzzles. */
  readonly trainPath: string | undefined;
  readonly rounds: number;
  /** Also ask a judge which key questions every question hits: twice as many questions to the answerer. */
  readonly process: boolean;
  /** F1 over words from which a story counts as right; the reward is the F1 itself. */
  readonly correctF1: number;
}

/**
 * Reads YAML options: `path`, `train_path` (one at least), `rounds` (1..100, default 25), `process`, `correct_f1`
 * and whom to ask (`answerer_...`).
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readSituationPuzzlesOptions(
  record: Readonly<Record<string, unknown>>,
): SituationPuzzlesOptions & { readonly answerer: AnswererRequest } {
  const options = readOptions(`task ${NAME}`, record);
  const read = {
    path: options.optionalText('path'),
    trainPath: options.optionalText('train_path'),
    rounds: options.integer('rounds', { default: 25, min: 1, max: 100 }),
    process: options.boolean('process', false),
    correctF1: options.share('correct_f1', 0.5),
    answerer: readAnswerer(options),
  };
  if (read.path === undefined && read.trainPath === undefined)
    options.reject('path', 'expected a file of puzzles, or train_path, got neither');
  options.finish();
  return read;
}

interface Puzzle {
  readonly index: number;
  /** What the team is told. */
  readonly surface: string;
  /** What really happened. */
  readonly bottom: string;
  readonly keyQuestions: readonly string[];
}

/** @throws ConfigError naming the record of a file that is no puzzle */
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
      reset: ({ data }) => scene({ puzzle: data as Puzzle, rules }, { turns: 0, hits: [] }),
      ...(answerer && { answerer }),
    },
  };
}

function readPuzzle(value: unknown): Read<Puzzle> {
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

interface Standing {
  readonly turns: number;
  /** Key questions hit so far. */
  readonly hits: readonly number[];
  readonly reply?: string;
  /** The story told in the end. */
  readonly story?: string;
}

function scene(game: { readonly puzzle: Puzzle; readonly rules: Rules }, at: Standing): EnvironmentStep {
  const { puzzle, rules } = game;
  return {
    done: at.story !== undefined,
    ...(at.reply !== undefined && { observation: at.reply }),
    step(text): EnvironmentStep | Inquiry {
      const said = afterThinking(text).trim();
      const { reply: _, ...known } = at;
      if (at.turns === rules.rounds) return scene(game, { ...known, story: said });
      const turns = at.turns + 1;
      const next = turns === rules.rounds ? FINAL : askFor(turns + 1);
      const goOn = (answer: string, hits: readonly number[]): EnvironmentStep =>
        scene(game, { turns, hits: [...at.hits, ...hits], reply: `${answer}\n\n${next}` });
      return {
        question: refereeQuestion(puzzle, said),
        answered(text) {
          const answer = afterThinking(text)
            .trim()
            .replace(/^\.+|\.+$/g, '');
          if (!rules.process) return goOn(answer, []);
          const { bottom: truth, keyQuestions } = puzzle;
          return {
            question: judgeQuestion({ truth, keyQuestions }, said),
            answered: (judged) => goOn(answer, hitsOf(afterThinking(judged), keyQuestions.length)),
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
