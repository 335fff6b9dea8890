import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { answererRequest } from '../../task/answerer.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import type { EnvironmentStep, PendingStep, Question, Task } from '../../task/task.ts';
import { codesOf, feedbackOn, fits } from '../guess-number/code.ts';
import { bagF1, storyF1 } from './bag-f1.ts';
import { createDetectiveCases, detectiveCases } from './detective-cases.ts';
import { createGuessingNumbers, guessingNumbers } from './guessing-numbers.ts';
import { hitShare, hitsOf } from './key-questions.ts';
import { createSituationPuzzles, situationPuzzles } from './situation-puzzles.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/arbench', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'troupe-arbench-'));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, value: unknown): string {
  const path = join(dir, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

/** Plays messages and returns the last state. `answers` is called for the questions of the environment. */
function played(
  task: Task,
  messages: readonly string[],
  answers: (question: Question) => string = () => {
    throw new Error('expected no question');
  },
): EnvironmentStep {
  return messages.reduce(
    (state, text) => {
      let next: EnvironmentStep | PendingStep = state.step(text, randomStream(1));
      while ('question' in next) next = next.resume(answers(next.question));
      return next;
    },
    task.environment!.reset(task.item('test', 0)),
  );
}

describe('arbench-gn', () => {
  const task = createGuessingNumbers({ path: file('gn.json', ['0123']) });

  it('has all 5,040 secrets, those of the file in the test split only', () => {
    const whole = createGuessingNumbers();
    const all = (one: Task): string[] =>
      (['train', 'validation', 'test'] as const).flatMap((split) =>
        Array.from({ length: one.size(split) ?? 0 }, (_, i) => one.item(split, i).answer ?? ''),
      );
    expect([...all(whole)].sort()).toEqual(codesOf({ digits: 4, symbols: 10, repeats: false }));
    expect(whole.size('train')).toBeGreaterThan(3400);
    expect(all(task)).toHaveLength(5040);
    expect(task.size('test')).toBe(1);
    expect(task.item('test', 0)).toMatchObject({ id: 'gn-0123', answer: '0123', problem: '0123' });
    expect(task.item('test', 0).prompt).not.toContain('Guess: 0123');
    const official = createGuessingNumbers({
      path: file('gn-test.json', ['0123', '9876']),
      trainPath: file('gn-train.json', ['4567', '9876']),
    });
    expect(all(official).sort()).toEqual(['0123', '4567', '9876']);
    expect(official.warnings).toHaveLength(1);
  });

  it('gives feedback in the official format, on the last four digits', () => {
    const { observation: reply } = played(task, ['I think 9999, no: Guess: 0132']);
    expect(reply).toBe(
      '2 digits are present in the answer and in the correct positions\n' +
        '2 digits are present in the answer but in the different positions\n\n' +
        'Turn 2: give me your guess in this form, and say nothing else:\nGuess: [number]',
    );
    expect(played(task, ['<think>Guess: 0123</think>Guess: 4567']).observation).toMatch(
      /^0 digits .*\n0 digits/,
    );
  });

  it('has 25 rounds and then a final guess, which alone determines the verdict', () => {
    const rounds = Array.from({ length: 25 }, () => 'Guess: 0123');
    expect(played(task, rounds.slice(1)).done).toBe(false);
    const before = played(task, rounds);
    expect(before).toMatchObject({ done: false });
    expect(before.observation).toMatch(/All turns are over.*final answer:\nGuess: \[number\]$/s);
    expect(before.verdict()).toMatchObject({ correct: false, reward: 0, scores: { process: 1 } });
    const incorrect = played(task, [...rounds, 'Guess: 0124']);
    expect(incorrect.done).toBe(true);
    expect(incorrect.verdict()).toMatchObject({ correct: false, answer: '0124', scores: { process: 1 } });
    const found = played(task, [...rounds.map(() => '4567'), 'It is 0123.']);
    expect(found.verdict()).toMatchObject({
      correct: true,
      reward: 1,
      answer: '0123',
      scores: { process: 0 },
    });
    expect(task.environment?.maxTurns).toBe(26);
  });

  it('uses up a round for a message without four digits', () => {
    const short = createGuessingNumbers({ path: file('gn.json', ['0123']), rounds: 2 });
    expect(played(short, ['what?']).observation).toMatch(/for example: Guess: 1234\n\nTurn 2: /);
    expect(played(short, ['what?', '0213', 'none']).verdict()).toMatchObject({
      correct: false,
      reason: 'no answer: expected four digits in a row, got "none"',
      scores: { process: 6 / 8, process_best: 6 / 8, lost_rounds: 1 },
    });
  });

  it('is always solved by a player with consistent guesses', () => {
    const codes = codesOf({ digits: 4, symbols: 10, repeats: false });
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.nat(10 ** 6), (secret, seed) => {
        const one = createGuessingNumbers({ path: file('one.json', [secret]) });
        const stream = randomStream(seed);
        let candidates = codes;
        const messages: string[] = [];
        while (messages.length < 26) {
          const guess = candidates[stream.int(candidates.length)];
          messages.push(`Guess: ${guess}`);
          const [placed, misplaced] =
            (played(one, messages).observation ?? '').match(/\d+(?= digits)/g) ?? [];
          if (messages.length === 26) break;
          const clue = { guess, placed: Number(placed), misplaced: Number(misplaced) };
          expect(clue).toEqual({ guess, ...feedbackOn(secret, guess) });
          candidates = candidates.filter((code) => fits(code, [clue]));
        }
        expect(played(one, messages).verdict().correct).toBe(true);
      }),
      { numRuns: 3 },
    );
  });

  it('rejects files that are not lists of secrets, with the record', () => {
    const path = file('bad.json', ['0123', '1123']);
    expect(() => createGuessingNumbers({ path })).toThrow(
      `task arbench-gn: ${path}: record 1: expected four different digits, got "1123"`,
    );
    expect(() => createGuessingNumbers({ path: file('none.json', '{') })).toThrow(ConfigError);
    expect(() => createGuessingNumbers({ path: file('object.json', {}) })).toThrow('expected a list');
    expect(parseTaskOptions(guessingNumbers, {}).rounds).toBe(25);
  });
});

describe('F1 of stories', () => {
  it('is computed from the overlap of bags: by hand', () => {
    expect(storyF1('the cat sat', 'the black cat')).toMatchObject({ words: 2 / 3 });
    expect(bagF1(['a', 'a', 'b'], ['a', 'b', 'b'])).toBeCloseTo(2 / 3, 12);
    expect(bagF1([], ['a'])).toBe(0);
    expect(storyF1('Cat.', 'cat')).toMatchObject({
      words: 0,
      characters: (2 * (2 / 4) * (2 / 3)) / (2 / 4 + 2 / 3),
    });
  });

  it('is symmetric, and 1 for equal bags only', () => {
    const bag = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(bag, bag, (a, b) => {
        expect(bagF1(a, b)).toBeCloseTo(bagF1(b, a), 12);
        expect(bagF1(a, b)).toBeLessThanOrEqual(1);
        expect(bagF1(a, b) === 1).toBe([...a].sort().join() === [...b].sort().join());
      }),
    );
  });
});

describe('hits of key questions', () => {
  it.each([
    ['Hit point: 1, 3', [0, 2]],
    ['hit point: 2.', [1]],
    ['No point is hit', []],
    ['Hit point: 9, 0, 4', [3]],
    ['Hit point: ', []],
  ])('%j', (text, hits) => {
    expect(hitsOf(text, 4)).toEqual(hits);
  });

  it('count each key question once', () => {
    expect(hitShare([0, 2, 0], 4)).toBe(0.5);
    expect(hitShare([], 0)).toBe(0);
  });
});

describe('arbench-sp', () => {
  const rules = { trainPath: undefined, rounds: 2, process: true, correctF1: 0.5 };
  const task = createSituationPuzzles({ path: join(FIXTURES, 'sp.json'), ...rules });
  const { answer: bottom = '', prompt } = task.item('test', 0);

  it('shows the story and not the solution', () => {
    expect(task.size('test')).toBe(3);
    expect(prompt).toContain('Every morning a man puts a full bottle on his doorstep');
    expect(prompt).toMatch(/You have 2 turns.*Turn 1: ask your next question\.$/s);
    expect(prompt).not.toContain('neighbour');
  });

  it('sends each question to the referee by itself, and then to grading', () => {
    const asked: Question[] = [];
    const end = played(task, ['Q: Is it a signal?', 'Q: For a neighbour?', bottom], (question) => {
      asked.push(question);
      return asked.length % 2 === 1 ? ' Yes. ' : asked.length === 2 ? 'Hit point: 1' : 'Hit point: 1, 3';
    });
    expect(asked).toHaveLength(4);
    for (const { messages } of asked) {
      expect(messages.map(({ role }) => role)).toEqual(['system', 'user']);
      expect(messages[0].content).toContain(bottom);
    }
    expect(asked[0].messages[1].content).toBe('Q: Is it a signal?');
    expect(asked[2].messages[1].content).toBe('Q: For a neighbour?');
    expect(asked[1].messages[0].content).toContain('2. Does the signal say whether the man is at home?');
    expect(end.verdict()).toMatchObject({
      correct: true,
      reward: 1,
      scores: { f1_words: 1, f1_characters: 1, process: 0.5 },
    });
    expect(played(task, ['Q: Is it a signal?'], () => 'Yes.').observation).toBe(
      'Yes\n\nTurn 2: ask your next question.',
    );
    expect(played(task, ['a', 'b'], () => 'No').observation).toMatch(
      /^No\n\nAll turns are over\. Tell the whole story/,
    );
  });

  it('rewards common words, and grades no questions without process', () => {
    const plain = createSituationPuzzles({ path: join(FIXTURES, 'sp.json'), ...rules, process: false });
    let questions = 0;
    const story = bottom.split(' ').slice(0, 20).join(' ');
    const verdict = played(plain, ['Q: a?', 'Q: b?', story], () => `${++questions}`).verdict();
    expect(questions).toBe(2);
    expect(verdict.reward).toBeCloseTo(storyF1(story, bottom).words, 12);
    expect(verdict.reward).toBeGreaterThan(0.3);
    expect(verdict.scores).not.toHaveProperty('process');
    expect(played(plain, ['Q: a?'], () => 'Yes').verdict()).toMatchObject({ correct: false, reward: 0 });
  });

  it('reports missing fields of records and missing options', () => {
    const path = file('sp.json', [{ index: 0, surface: 'x' }]);
    expect(() => createSituationPuzzles({ path, ...rules })).toThrow(
      `${path}: record 0: expected a text "bottom", got nothing`,
    );
    expect(() => parseTaskOptions(situationPuzzles, {})).toThrow(
      /path: expected a file of puzzles.*\n.*answerer_path: expected a model folder, or answerer_url instead, got neither/,
    );
    expect(() => parseTaskOptions(situationPuzzles, { path, answerer_url: 'http://x/v1' })).toThrow(
      'answerer_model: expected the name of a model at answerer_url, got nothing',
    );
    expect(() =>
      parseTaskOptions(situationPuzzles, {
        path,
        answerer_url: 'u',
        answerer_model: 'm',
        answerer_path: 'p',
      }),
    ).toThrow('expected one of answerer_path and answerer_url, got both');
    expect(answererRequest(parseTaskOptions(situationPuzzles, { path, answerer_path: 'p' }))).toEqual({
      source: { kind: 'folder', path: 'p' },
      temperature: 0.7,
      topP: 0.7,
      maxTokens: 256,
    });
  });
});

describe('arbench-dc', () => {
  const rules = { trainPath: undefined, rounds: 3, process: true };
  const task = createDetectiveCases({ path: join(FIXTURES, 'dc.json'), ...rules });

  it('shows the background and no story of a suspect', () => {
    const { prompt, answer } = task.item('test', 0);
    expect(answer).toBe('D');
    expect(prompt).toMatch(
      /Turn 1: choose whom to question: Ms\. Ida Fenn, Mr\. Paul Roe, .*, Ms\. Lea Strand\./,
    );
    expect(prompt).toContain('- Mr. Tom Birk: The accountant of the museum.');
    for (const secret of ['ticket box', 'glueing a mast', 'murderer: ']) expect(prompt).not.toContain(secret);
  });

  it('sends a question with the role and the earlier questions of the suspect', () => {
    const asked: Question[] = [];
    const answers = (question: Question): string => {
      asked.push(question);
      const isGrading = question.messages[0].content.startsWith('You judge');
      return isGrading ? (asked.length === 2 ? 'Hit point: 1' : 'Hit point: 2, 4') : `answer ${asked.length}`;
    };
    const end = played(
      task,
      [
        '"Mr. Tom Birk"',
        'Were you there?',
        'Ms. Ida Fenn',
        'Did you hear it?',
        ' Mr. Tom Birk\n',
        'And the key?',
        'Reason: B. Answer is clear.\nAnswer: not A but D.',
      ],
      answers,
    );
    const roles = asked.filter(({ messages }) => messages[0].content.startsWith('You play'));
    expect(roles).toHaveLength(3);
    expect(roles[0].messages[0].content).toContain('Your story: For a year I took money');
    expect(roles[1].messages.map(({ content }) => content).slice(1)).toEqual(['Did you hear it?']);
    expect(roles[2].messages.slice(1)).toEqual([
      { role: 'user', content: 'Were you there?' },
      { role: 'assistant', content: 'answer 1' },
      { role: 'user', content: 'And the key?' },
    ]);
    expect(end.done).toBe(true);
    expect(end.verdict()).toEqual({
      correct: true,
      reward: 1,
      answer: 'D',
      reason: 'D is the murderer',
      scores: { questions: 3, process: 0.75 },
    });
    expect(task.environment?.maxTurns).toBe(7);
  });

  it('adds the next instruction: the question, the next round, the final answer', () => {
    const silent = (): string => 'I was asleep.';
    expect(played(task, ['Mr. Paul Roe']).observation).toBe(
      'Turn 1: ask your question: a single one, not several in one.',
    );
    expect(played(task, ['Mr. Paul Roe', 'Where?'], silent).observation).toMatch(
      /^I was asleep\.\n\nTurn 2: choose/,
    );
    expect(played(task, ['nobody']).observation).toMatch(/^That is not the full name .*\n\nTurn 2: choose/);
    expect(played(task, ['x', 'y', 'Mr. Paul Roe', 'Where?'], silent).observation).toMatch(
      /Who is the murderer\? A\. Ms\. Ida Fenn, B\. Mr\. Paul Roe, .*E\. Ms\. Lea Strand\nAnswer in this form:/,
    );
  });

  it.each([
    ['Answer: D', true],
    ['Answer: D\nAnswer: A', true],
    ['Answer: The man is D', true], // the last capital letter A to E of the line counts
    ['Answer: D, not B', false],
    ['D', false],
    ['', false],
  ])('reads %j as the official code does', (text, correct) => {
    expect(played(task, ['x', 'y', 'z', text]).verdict()).toMatchObject({ correct, scores: { process: 0 } });
  });

  it('reports missing fields of cases', () => {
    const path = file('dc.json', [{ index: 0, label: 7, initial_information: {}, suspects: [] }]);
    expect(() => createDetectiveCases({ path, ...rules })).toThrow(
      `${path}: record 0: expected "label" from 0 to 4, got 7`,
    );
    expect(() => parseTaskOptions(detectiveCases, { answerer_path: 'p' })).toThrow(
      'expected a file of cases, or train_path',
    );
  });
});
