import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interpreter } from '../../grade/python/interpreter.ts';
import { parseProgram } from '../../grade/python/parser.ts';
import { repr } from '../../grade/python/repr.ts';
import { PyList, type Value } from '../../grade/python/value.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { autologi, createAutoLogi } from './autologi.ts';
import { createChecker, UnusableChecker } from './checker.ts';

const FIXTURE = fileURLToPath(new URL('../../../test/fixtures/autologi.jsonl', import.meta.url));

interface Item {
  readonly code: Readonly<Record<'Inputs_Check_code' | 'Constraint_List_code' | 'Traverse_code', string>>;
  readonly test_answers: readonly { readonly response: string; readonly valid: boolean }[];
  readonly n_valid: number;
  readonly n_total: number;
}
const items: Item[] = readFileSync(FIXTURE, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'autologi-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const CHECK = 'def inputs_check(inputs):\n    return isinstance(inputs, list)\n';
const constraints = (...bodies: string[]): string =>
  `${bodies.map((body, k) => `def c${k}(inputs):\n    ${body}\n`).join('')}constraint_list = [${bodies.map((_, k) => `c${k}`).join(', ')}]\n`;
const list = (...values: Value[]) => new PyList(values);

function file(...codes: { inputs?: string; constraints: string; example?: string }[]): string {
  const path = join(dir, 'items.jsonl');
  const lines = codes.map((code, k) =>
    JSON.stringify({
      idx: k + 1,
      prompt: `puzzle ${k + 1}`,
      example: code.example ?? '[1]',
      code: { Inputs_Check_code: code.inputs ?? CHECK, Constraint_List_code: code.constraints },
    }),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describe('task autologi', () => {
  it('gives the verdicts of the official procedure', () => {
    const task = createAutoLogi({ path: FIXTURE });
    expect(task.warnings).toEqual([]);
    for (const [index, { test_answers }] of items.entries())
      for (const { response, valid } of test_answers)
        expect(task.verify(task.item('test', index), response)).toMatchObject({
          correct: valid,
          reward: Number(valid),
        });
  });

  it('gives reasons, and the normal form as the answer to vote on', () => {
    const task = createAutoLogi({ path: FIXTURE });
    const item = task.item('test', 2);
    const verdict = (text: string) => task.verify(item, text);
    expect(verdict("```\n{'rescue': {'Cy', 'Ana'}, 'leader': {'Fay', 'Dee'}}\n```")).toEqual({
      correct: true,
      reward: 1,
      answer: "{'leader': {'Dee', 'Fay'}, 'rescue': {'Ana', 'Cy'}}",
      reason: 'every constraint holds',
    });
    expect(verdict('{"leader": ["Dee"]}').reason).toBe('inputs_check is not satisfied');
    expect(verdict("{'leader': {'Ana', 'Bo'}, 'rescue': {'Cy', 'Fay'}}").reason).toBe(
      'constraint_2 is not satisfied',
    );
    expect(verdict('I give up').reason).toBe('no answer: expected a fenced block, {...} or [...]');
    expect(verdict('{what?}').reason).toBe('no answer: expected a Python literal, got "{what?}"');
    expect(verdict("{'leader': {'Dee', 'Fay'}, 'rescue': {'Cy', 'Ana'}}</think>no").correct).toBe(false);
    expect(item.problem).toContain('From six hikers');
    expect(item.prompt).toContain('Please think step by step');
  });

  it('finds the known number of correct answers when it runs the code that enumerates all answers', () => {
    const verify =
      'def verify_function(inputs, inputs_check, constraint_list):\n' +
      '    return inputs_check(inputs) and all(c(inputs) for c in constraint_list)\n';
    for (const { code, n_valid, n_total } of items) {
      const interpreter = new Interpreter();
      const parts = [code.Inputs_Check_code, code.Constraint_List_code, verify, code.Traverse_code];
      interpreter.run(parseProgram(`${parts.join('\n')}\nres = count_valid_arrangements()\n`));
      expect(repr(interpreter.global('res'), interpreter.budget)).toBe(`(${n_valid}, ${n_total})`);
    }
  });

  it('has all items in the test split and none for training', () => {
    const task = createAutoLogi({ path: FIXTURE });
    expect(['train', 'validation', 'test'].map((split) => task.size(split as 'train'))).toEqual([0, 0, 3]);
    expect(() => task.item('validation', 0)).toThrow('task autologi: expected an index from 0 to 2');
  });

  it('leaves out items whose checks it cannot run, with a warning', () => {
    const path = file(
      { constraints: constraints('return True') },
      { constraints: 'import os\nconstraint_list = []\n' },
      { constraints: 'class A: pass\n' },
      { constraints: 'def :\n' },
      { inputs: `${CHECK}x = open("/etc/passwd")\n`, constraints: constraints('return True') },
      { constraints: constraints('return "{0[0]}".format(inputs) == ""') },
    );
    const task = createAutoLogi({ path });
    expect(task.size('test')).toBe(1);
    expect(task.warnings).toEqual([
      'left out 5 of 6 items: 2 (unsupported Python: import os), 3 (unsupported Python: "class"), ' +
        '4 (its checks cannot be parsed: line 1: expected a name, got ":"), 5 (unsupported Python: open), ' +
        '6 (unsupported Python: the field "{0[0]}")',
    ]);
  });

  it('requires a path and fields', () => {
    expect(() => parseTaskOptions(autologi, {})).toThrow(
      'task autologi.path: expected the name of a JSON-lines file',
    );
    const path = join(dir, 'bad.jsonl');
    writeFileSync(path, '{"prompt": "p", "code": {"Inputs_Check_code": "x = 1"}}\n');
    expect(() => createAutoLogi({ path })).toThrow(
      /bad.jsonl:1: expected a text in field "code.Constraint_List_code", got nothing/,
    );
    writeFileSync(
      path,
      `${JSON.stringify({ prompt: 'p', code: { Inputs_Check_code: 'x = 1', Constraint_List_code: 'class A: pass' } })}\n`,
    );
    expect(() => createAutoLogi({ path })).toThrow('expected an item whose checks can run, got none');
  });
});

describe('a check', () => {
  const check = (source: string, value: Value = list(1n)) =>
    createChecker({ inputs: CHECK, constraints: source }).check(value);

  it('is satisfied only if every constraint returns a true value', () => {
    expect(check(constraints('return True', 'return 1', 'return [0]'))).toEqual({ kind: 'valid' });
    expect(check(constraints('return True', 'pass'))).toEqual({
      kind: 'invalid',
      reason: 'c1 is not satisfied',
    });
    expect(check('constraint_list = [lambda inputs: False]')).toMatchObject({
      reason: '<lambda> is not satisfied',
    });
    expect(check(constraints('return True'), 'text')).toMatchObject({
      reason: 'inputs_check is not satisfied',
    });
  });

  it('is not satisfied if it raises, takes too long, prints, or lacks a part', () => {
    const cases: [string, string | RegExp][] = [
      [constraints('return inputs[5] == 1'), 'the checks raise IndexError: list index out of range'],
      [constraints('return {}[inputs[0]]'), 'the checks raise KeyError'],
      [constraints('while True: pass'), 'the checks take more than 10000000 steps'],
      [constraints('return [0] * 10**9'), /^the checks take more than/],
      [constraints('return c0(inputs)'), 'the checks take more than 150 nested calls'],
      [
        constraints('print("x"); return True'),
        'the checks print, which counts as wrong in the official evaluation',
      ],
      ['x = 1', "the checks raise NameError: name 'constraint_list' is not defined"],
      ['constraint_list = 5', "the checks raise TypeError: 'int' object is not iterable"],
      ['constraint_list = [5]', "the checks raise TypeError: 'int' object is not callable"],
    ];
    for (const [source, reason] of cases)
      expect(check(source)).toEqual({
        kind: 'invalid',
        reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      });
    expect(check(constraints('return True'), list(Number.POSITIVE_INFINITY))).toMatchObject({
      kind: 'invalid',
    });
  });

  it('is not verifiable if it uses an unsupported feature at run time', () => {
    expect(check(constraints('return "{0[0]}".format(inputs) == ""'))).toEqual({
      kind: 'unverifiable',
      reason: 'unsupported Python: the field "{0[0]}"',
    });
  });

  it('is not verifiable if the interpreter fails', () => {
    const source =
      'def c0(inputs):\n    g = []\n    g.append(next(g[0]) for _ in [1])\n    return next(g[0])\nconstraint_list = [c0]\n';
    expect(check(source)).toMatchObject({
      kind: 'unverifiable',
      reason: expect.stringContaining('already running'),
    });
  });

  it('does not share state with the next check', () => {
    const meddling = [
      'seen = []',
      'def c0(inputs):',
      '    global inputs_check, len',
      '    seen.append(1)',
      '    inputs.append(2)',
      '    inputs_check = len = None',
      '    return seen == [1]',
      'constraint_list = [c0]',
    ].join('\n');
    const checker = createChecker({ inputs: CHECK, constraints: meddling });
    for (let time = 0; time < 3; time++) expect(checker.check(list(1n))).toEqual({ kind: 'valid' });
    expect(check(constraints('return len(inputs) == 1'))).toEqual({ kind: 'valid' });
  });

  it('treats the answer as data, never as a program', () => {
    const checker = createChecker({
      inputs: CHECK,
      constraints: constraints('return "constraint_list" in inputs'),
    });
    expect(checker.check(list('constraint_list', 'inputs_check = lambda x: True', '__class__'))).toEqual({
      kind: 'valid',
    });
    expect(checker.check(list('\n    return True\n'))).toEqual({
      kind: 'invalid',
      reason: 'c0 is not satisfied',
    });
  });

  it('is rejected before it runs if it tries to access the host', () => {
    for (const source of [
      'import os',
      'from sys import modules',
      'x = open',
      'x = eval("1")',
      'x = [].__class__',
      'x = y.constructor',
    ])
      expect(() => createChecker({ inputs: CHECK, constraints: source })).toThrow(UnusableChecker);
  });
});
