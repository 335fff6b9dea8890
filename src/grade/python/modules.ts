/**
 * The modules that programs can import: parts of `itertools`, `collections`, `math`, `functools`, `copy` and
 * `string`, and any name of `typing`. There are no other modules.
 * @module
 */
import { integerOf, readArguments } from './arguments.ts';
import { elements, iterate, pairs, setEntry, toArray } from './collections.ts';
import { keyOf, numeric } from './compare.ts';
import { deepCopy } from './copy.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { ITERTOOLS } from './itertools.ts';
import { binary } from './operators.ts';
import { wholePart } from './percent-format.ts';
import type { Runtime } from './runtime.ts';
import { Builtin, type Call, PyDict, PyIterator, PyModule, PyType, type Value } from './value.ts';

type Run = (call: Call, runtime: Runtime) => Value;

const one = (name: string, call: Call): Value => readArguments(name, call, { most: 1 }).need(0);
const number = (name: string, call: Call): bigint | number => {
  const value = numeric(one(name, call));
  if (value === undefined) throw new PythonError('TypeError', `${name}: must be a number`);
  return value;
};

const MATH: Readonly<Record<string, Run>> = {
  floor: (call) => {
    const value = number('floor', call);
    return typeof value === 'bigint' ? value : wholePart(Math.floor(value));
  },
  ceil: (call) => {
    const value = number('ceil', call);
    return typeof value === 'bigint' ? value : wholePart(Math.ceil(value));
  },
  sqrt: (call) => {
    const value = Number(number('sqrt', call));
    if (value < 0) throw new PythonError('ValueError', 'math domain error');
    return Math.sqrt(value);
  },
  fabs: (call) => Math.abs(Number(number('fabs', call))),
  factorial: (call, { budget }) => {
    const value = integerOf(one('factorial', call));
    if (value < 0n) throw new PythonError('ValueError', 'factorial() not defined for negative values');
    let product: Value = 1n;
    for (let factor = 2n; factor <= value; factor++) product = binary('*', product, factor, budget);
    return product;
  },
  comb: (call, { budget }) => {
    const read = readArguments('comb', call, { most: 2 });
    const [n, k] = [integerOf(read.need(0)), integerOf(read.need(1))];
    let ways: Value = k > n ? 0n : 1n;
    for (let at = 1n; at <= k && k <= n; at++)
      ways = binary('//', binary('*', ways, n - k + at, budget), at, budget);
    return ways;
  },
  gcd: ({ args }, { budget }) => {
    let result = 0n;
    for (const arg of args) {
      let other = integerOf(arg);
      while (other !== 0n) {
        budget.spend(1);
        [result, other] = [other, result % other];
      }
    }
    return result < 0n ? -result : result;
  },
  prod: (call, { budget }) => {
    let product: Value = 1n;
    for (const item of elements(one('prod', call), budget)) product = binary('*', product, item, budget);
    return product;
  },
};

const FUNCTOOLS: Readonly<Record<string, Run>> = {
  reduce: (call, runtime) => {
    const read = readArguments('reduce', call, { most: 3 });
    const source = iterate(read.need(1), runtime.budget);
    let total = read.take(2);
    for (let step = source.next(); !step.done; step = source.next())
      total = total === undefined ? step.value : runtime.call(read.need(0), [total, step.value]);
    if (total === undefined)
      throw new PythonError('TypeError', 'reduce() of empty iterable with no initial value');
    return total;
  },
};

const COPY: Readonly<Record<string, Run>> = {
  copy: (call, { budget }) => deepCopy(one('copy', call), { budget, isDeep: false }),
  deepcopy: (call, { budget }) => deepCopy(one('deepcopy', call), { budget, isDeep: true }),
};

/** Creates the types `Counter` and `defaultdict`, whose values are dictionaries. */
function collections(runtime: Runtime): Map<string, Value> {
  const { budget } = runtime;
  const counter = new PyType(
    'Counter',
    ({ args, named }) => {
      readArguments('Counter', { args, named }, { most: 1 });
      const dict = new PyDict(new Map(), { kind: 'Counter' });
      const [source] = args;
      if (source instanceof PyDict)
        for (const [key, value] of source.entries.values()) setEntry(dict, key, value, budget);
      else if (source !== undefined)
        for (const item of elements(source, budget)) {
          const known = dict.entries.get(keyOf(item, budget))?.[1] ?? 0n;
          setEntry(dict, item, binary('+', known, 1n, budget), budget);
        }
      return dict;
    },
    { base: 'dict' },
  );
  const defaultdict = new PyType(
    'defaultdict',
    ({ args, named }) => {
      readArguments('defaultdict', { args, named }, { most: 2 });
      const [factory = null, source] = args;
      const dict = new PyDict(new Map(), { kind: 'defaultdict', factory });
      if (source !== undefined)
        for (const [key, value] of source instanceof PyDict ? source.entries.values() : pairs(source, budget))
          setEntry(dict, key, value, budget);
      return dict;
    },
    { base: 'dict' },
  );
  return new Map<string, Value>([
    ['Counter', counter],
    ['defaultdict', defaultdict],
  ]);
}

const TEXTS = {
  ascii_lowercase: 'abcdefghijklmnopqrstuvwxyz',
  ascii_uppercase: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digits: '0123456789',
};

const wrapped = (runs: Readonly<Record<string, Run>>, runtime: Runtime): Map<string, Value> =>
  new Map(Object.entries(runs).map(([name, run]) => [name, new Builtin(name, (call) => run(call, runtime))]));

/**
 * The value of every name imported from `typing`. The names occur only in annotations, which are not
 * evaluated.
 */
const TYPING = new PyModule('typing', new Map());

/** Creates a module. @throws UnsupportedFeature for a module that the interpreter does not provide */
export function importModule(name: string, runtime: Runtime): PyModule {
  const make = MODULES.get(name);
  if (!make) throw new UnsupportedFeature(`import ${name}`);
  return new PyModule(name, make(runtime));
}

/**
 * Returns a member of a module. @throws UnsupportedFeature for a member that the interpreter does not provide
 */
export function importMember(module: string, member: string, runtime: Runtime): Value {
  if (module === 'typing') return TYPING;
  const value = importModule(module, runtime).members.get(member);
  if (value === undefined) throw new UnsupportedFeature(`from ${module} import ${member}`);
  return value;
}

const MODULES: ReadonlyMap<string, (runtime: Runtime) => Map<string, Value>> = new Map([
  [
    'math',
    (runtime: Runtime) =>
      new Map<string, Value>([
        ...wrapped(MATH, runtime),
        ['pi', Math.PI],
        ['e', Math.E],
        ['inf', Number.POSITIVE_INFINITY],
      ]),
  ],
  ['functools', (runtime: Runtime) => wrapped(FUNCTOOLS, runtime)],
  ['copy', (runtime: Runtime) => wrapped(COPY, runtime)],
  ['collections', collections],
  [
    'string',
    () =>
      new Map<string, Value>(
        Object.entries({ ...TEXTS, ascii_letters: TEXTS.ascii_lowercase + TEXTS.ascii_uppercase }),
      ),
  ],
  ['typing', () => new Map<string, Value>()],
  [
    'itertools',
    (runtime: Runtime) => {
      const chain = new Builtin(
        'chain',
        ({ args }) => new PyIterator('chain', ITERTOOLS.chain?.(args, runtime) as Iterator<Value>),
        new Map([
          [
            'from_iterable',
            new Builtin(
              'from_iterable',
              (call) =>
                new PyIterator(
                  'chain',
                  ITERTOOLS.chain?.(
                    toArray(one('from_iterable', call), runtime.budget),
                    runtime,
                  ) as Iterator<Value>,
                ),
            ),
          ],
        ]),
      );
      const members = Object.entries(ITERTOOLS).map(([name, run]): [string, Value] => [
        name,
        new Builtin(name, ({ args, named }) => new PyIterator(name, run(args, runtime, named))),
      ]);
      return new Map<string, Value>([...members, ['chain', chain]]);
    },
  ],
]);

/** Returns all supported names of attributes other than methods: the members of modules, and a few others. */
export function moduleAttributes(runtime: Runtime): Set<string> {
  const names = [...MODULES.values()].flatMap((make) => [...make(runtime).keys()]);
  return new Set([...names, 'from_iterable', 'fromkeys', '__name__', 'args']);
}

/** Whether `module` or `module.member` can be imported. */
export function canImport(name: string, runtime: Runtime): boolean {
  const [module = '', member] = name.split('.');
  if (module === 'typing' || member === undefined) return MODULES.has(module);
  return MODULES.get(module)?.(runtime).has(member) ?? false;
}
