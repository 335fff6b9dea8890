import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LimitExceeded, PythonError, PythonSyntaxError, UnsupportedFeature } from './errors.ts';
import { Interpreter } from './interpreter.ts';
import { parseProgram } from './parser.ts';
import { repr } from './repr.ts';
import { runPython } from './run.ts';
import { unsupportedFeatures } from './unsupported-features.ts';

interface Case {
  readonly source: string;
  /** Value of `repr(res)` after CPython 3.11 has run the program. */
  readonly value?: string;
  /** Name of the exception that ends the program in CPython. */
  readonly raises?: string;
}

const cases: Case[] = readFileSync(
  new URL('../../../test/fixtures/python-programs.jsonl', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

function outcome(source: string): Omit<Case, 'source'> {
  try {
    const { globals, budget } = runPython(source);
    return { value: repr(globals.variables.get('res') ?? null, budget) };
  } catch (error) {
    if (error instanceof PythonError) return { raises: error.type };
    if (error instanceof PythonSyntaxError) return { raises: 'SyntaxError' };
    throw error;
  }
}

describe('a program', () => {
  it.each(cases)('ends as in CPython: $source', ({ source, ...expected }) => {
    expect(outcome(source)).toEqual(expected);
  });

  it('does not share state with another program', () => {
    runPython('len = 3\nstr = None\ndef sorted(x): return 1\nimport math\nx = 1\n');
    expect(outcome('res = (len([1]), str(2), sorted([2, 1]))')).toEqual({ value: "(1, '2', [1, 2])" });
    expect(outcome('res = x')).toEqual({ raises: 'NameError' });
    expect(outcome('res = math')).toEqual({ raises: 'NameError' });
  });
});

describe('a program cannot access', () => {
  it.each([
    'import os\nos.system("id")',
    'from os import path',
    'import sys\nsys.modules',
    'import subprocess',
    'import socket',
    'import js',
    'import ctypes',
    'import builtins',
    'from importlib import import_module',
    '__import__("os")',
    '__builtins__',
    'open("/etc/passwd").read()',
    'eval("1")',
    'exec("x = 1")',
    'compile("1", "", "eval")',
    'globals()["x"]',
    'getattr([], "append")',
    'input()',
    'breakpoint()',
    'exit()',
    '().__class__.__bases__[0].__subclasses__()',
    '"".__class__',
    '(lambda: 0).__globals__',
    '(lambda: 0).__code__',
    'len.__self__',
    '[].constructor.constructor("return process")()',
    '{}.__proto__',
    '"a".constructor',
    '(1).toString',
    '(lambda: 0).node',
    '(lambda: 0).call',
    '[].items',
    '{1}.members',
  ])('the host with %j', (source) => {
    const isUnsupported = unsupportedFeatures([parseProgram(source)]).length > 0;
    // `items` counts as supported, because it is a method of dictionaries
    expect(isUnsupported || source.endsWith('.items')).toBe(true);
    expect(() => runPython(source)).toThrow(/NameError|AttributeError|import|\.\w+$/);
  });

  it('JavaScript prototypes with dictionary keys', () => {
    const source =
      'd = {}\nd["__proto__"] = 1\nres = (list(d), d["__proto__"], "constructor" in d, d.get("toString"))\n' +
      'def f(**names): return sorted(names)\nres += (f(__proto__=1, constructor=2),)\n';
    expect(outcome(source)).toEqual({
      value: "(['__proto__'], 1, False, None, ['__proto__', 'constructor'])",
    });
    expect(outcome('constructor')).toEqual({ raises: 'NameError' });
    expect(outcome('__proto__')).toEqual({ raises: 'NameError' });
  });

  it('attributes and items with format fields', () => {
    expect(() => runPython('"{0.__class__}".format(1)')).toThrow(UnsupportedFeature);
    expect(() => runPython('"{0[0]}".format([1])')).toThrow(UnsupportedFeature);
    expect(() => runPython('f"{[].__class__}"')).toThrow(UnsupportedFeature);
  });
});

describe('a program is stopped', () => {
  it.each([
    'while True: pass',
    'for i in range(10**18): pass',
    'sum(range(10**12))',
    'try:\n  while True: pass\nexcept:\n  pass\nfinally:\n  while True: pass',
    'while True:\n  try:\n    while True: pass\n  except BaseException: pass',
    'x = [0]\nwhile True: x = x + x',
    'x = [0]\nwhile True: x.extend(x)',
    'x = "a"\nwhile True: x += x',
    'd = {}\nwhile True: d[len(d)] = 0',
    '"a" * 10**10',
    '[0] * 10**10',
    'list(range(10**9))',
    'sorted(range(10**8))',
    '9**9**9',
    '1 << 10**9',
    'x = 2**60000\nwhile True: x = x * x',
    'x = []\nfor i in range(60): x = [x, x]\nrepr(x)',
    'x = y = []\nfor i in range(60): x, y = [x, x], [y, y]\nx == y',
    't = ()\nfor i in range(60): t = (t, t)\n{t: 1}',
    'x = []\nx.append(x)\nrepr(x)',
    'x = []\nx.append(x)\ny = []\ny.append(y)\nx == y',
    'def f(n):\n  return f(n + 1)\nf(0)',
    'def f():\n  try: f()\n  except: f()\nf()',
    'f = lambda g: g(g)\nf(f)',
    'while True: print("x" * 1000)',
    'f"{1:999999999}"',
    '"%999999999d" % 1',
    '"x".replace("", "y" * 10**6).replace("", "y" * 10**6)',
    '("a" * 10**6).join(["b"] * 10**6)',
    'import math\nmath.factorial(10**9)',
    'import itertools\nlist(itertools.permutations(range(12)))',
    'from itertools import product\nlist(product(range(100), repeat=10))',
    'from itertools import product\nproduct([], repeat=10**12)',
  ])('at its limits: %j', (source) => {
    expect(() =>
      new Interpreter({ steps: 300_000, cells: 200_000, depth: 150 }).run(parseProgram(source)),
    ).toThrow(LimitExceeded);
  });

  it('but not at the call depth that checkers of puzzles need', () => {
    expect(
      outcome('def f(n):\n  return 0 if n == 0 else 1 + max([f(n - 1) for _ in [1]])\nres = f(60)'),
    ).toEqual({
      value: '60',
    });
  });

  it.each([
    'class A: pass',
    'with x: pass',
    'yield 1',
    '@f\ndef g(): pass',
    'x = b"a"',
    'async def f(): pass',
    '1j',
  ])('before it starts if it uses an unsupported feature: %j', (source) => {
    expect(() => parseProgram(source)).toThrow(UnsupportedFeature);
  });

  it('before it starts if it is nested too deeply', () => {
    for (const source of [
      '('.repeat(1e5),
      `x = ${'['.repeat(5000)}${']'.repeat(5000)}`,
      `x = ${'-'.repeat(1e5)}1`,
    ])
      expect(() => parseProgram(source)).toThrow(PythonSyntaxError);
    const deep = Array.from({ length: 200 }, (_, k) => `${' '.repeat(k)}if 1:\n`).join('');
    expect(() => parseProgram(`${deep}${' '.repeat(200)}pass\n`)).toThrow(PythonSyntaxError);
    expect(() => runPython(`x = ${Array(40_000).fill('1').join('+')}`)).toThrow(LimitExceeded);
  });
});

it('a program cannot catch exceeded limits and unsupported features', () => {
  expect(() => runPython('try:\n  (1 << 10**9)\nexcept BaseException:\n  res = 1')).toThrow(LimitExceeded);
  expect(() => runPython('try:\n  [].sorted()\nexcept BaseException:\n  res = 1')).toThrow(
    UnsupportedFeature,
  );
});
