/**
 * The methods of strings.
 * @module
 */
import { clamped, integerOf, readArguments, textArgument } from './arguments.ts';
import { toArray } from './collections.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { format, repr, str } from './repr.ts';
import type { Method, Methods, Runtime } from './runtime.ts';
import { type Call, characters, PyList, PyTuple, type Value } from './value.ts';

const map = (name: string, change: (text: string) => string): [string, Method<string>] => [
  name,
  (self, call, { budget }) => {
    readArguments(name, call, { most: 0 });
    budget.allocate(self.length / 4);
    return change(self);
  },
];

const test = (name: string, pattern: RegExp): [string, Method<string>] => [
  name,
  (self, call, { budget }) => {
    readArguments(name, call, { most: 0 });
    budget.spend(self.length);
    return pattern.test(self);
  },
];

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();

export const STRING_METHODS: Methods<string> = new Map<string, Method<string>>([
  map('lower', (text) => text.toLowerCase()),
  map('upper', (text) => text.toUpperCase()),
  map('casefold', (text) => text.toLowerCase()),
  map('capitalize', capital),
  map('title', (text) => text.replace(/\p{L}+/gu, capital)),
  test('isdigit', /^\p{Nd}+$/u),
  test('isdecimal', /^\p{Nd}+$/u),
  test('isnumeric', /^\p{N}+$/u),
  test('isalpha', /^\p{L}+$/u),
  test('isalnum', /^[\p{L}\p{N}]+$/u),
  test('isspace', /^\s+$/),
  test('isupper', /^[^\p{Ll}]*\p{Lu}[^\p{Ll}]*$/u),
  test('islower', /^[^\p{Lu}]*\p{Ll}[^\p{Lu}]*$/u),
  ['strip', (self, call) => strip(self, call, true, true)],
  ['lstrip', (self, call) => strip(self, call, true, false)],
  ['rstrip', (self, call) => strip(self, call, false, true)],
  ['startswith', (self, call) => affix('startswith', self, call)],
  ['endswith', (self, call) => affix('endswith', self, call)],
  ['split', split],
  ['join', join],
  ['replace', replace],
  ['format', formatted],
  [
    'count',
    (self, call, { budget }) => {
      const part = textArgument(readArguments('count', call, { most: 1 }).need(0));
      budget.spend(self.length);
      return BigInt(part === '' ? characters(self).length + 1 : self.split(part).length - 1);
    },
  ],
  ['find', (self, call, runtime) => find(self, call, runtime)],
  [
    'index',
    (self, call, runtime) => {
      const at = find(self, call, runtime);
      if (at < 0n) throw new PythonError('ValueError', 'substring not found');
      return at;
    },
  ],
  [
    'zfill',
    (self, call, { budget }) => {
      const width = integerOf(readArguments('zfill', call, { most: 1 }).need(0));
      return format(self, `0>${width < 0n ? 0n : width}`, budget);
    },
  ],
  [
    'splitlines',
    (self, call, { budget }) => {
      readArguments('splitlines', call, { most: 0 });
      budget.allocate(self.length);
      return new PyList(self === '' ? [] : self.replace(/\r?\n$/, '').split(/\r?\n/));
    },
  ],
]);

function strip(self: string, call: Call, left: boolean, right: boolean): string {
  const given = readArguments('strip', call, { most: 1 }).take(0);
  const isCut =
    given === undefined || given === null
      ? (character: string): boolean => /\s/.test(character)
      : (character: string): boolean => textArgument(given).includes(character);
  let [start, end] = [0, self.length];
  while (left && start < end && isCut(self[start] as string)) start++;
  while (right && end > start && isCut(self[end - 1] as string)) end--;
  return self.slice(start, end);
}

function affix(name: 'startswith' | 'endswith', self: string, call: Call): boolean {
  const given = readArguments(name, call, { most: 1 }).need(0);
  const parts = given instanceof PyTuple ? given.items : [given];
  return parts
    .map(textArgument)
    .some((part) => (name === 'startswith' ? self.startsWith(part) : self.endsWith(part)));
}

function split(self: string, call: Call, { budget }: Runtime): Value {
  const read = readArguments('split', call, { most: 2, names: ['sep', 'maxsplit'] });
  const [separator, most] = [read.take(0, 'sep') ?? null, integerOf(read.take(1, 'maxsplit') ?? -1n)];
  budget.allocate(self.length);
  if (separator === null) {
    if (most >= 0n) throw new UnsupportedFeature('split at whitespace with a limit');
    return new PyList(self.split(/\s+/).filter((part) => part !== ''));
  }
  const by = textArgument(separator);
  if (by === '') throw new PythonError('ValueError', 'empty separator');
  const parts = self.split(by);
  if (most < 0n || most >= BigInt(parts.length - 1)) return new PyList(parts);
  const kept = Number(most);
  return new PyList([...parts.slice(0, kept), parts.slice(kept).join(by)]);
}

function join(self: string, call: Call, { budget }: Runtime): Value {
  const parts = toArray(readArguments('join', call, { most: 1 }).need(0), budget).map(textArgument);
  budget.allocate(parts.reduce((sum, part) => sum + part.length + self.length, 0) / 4);
  return parts.join(self);
}

function replace(self: string, call: Call, { budget }: Runtime): Value {
  const read = readArguments('replace', call, { most: 2 });
  const [old, fresh] = [textArgument(read.need(0)), textArgument(read.need(1))];
  budget.allocate(self.length / 4);
  const parts = self.split(old);
  budget.allocate((self.length + (parts.length + 1) * fresh.length) / 4);
  return old === '' ? `${fresh}${parts.join(fresh)}${self === '' ? '' : fresh}` : parts.join(fresh);
}

function find(self: string, call: Call, { budget }: Runtime): bigint {
  const read = readArguments('find', call, { most: 2 });
  const text = characters(self);
  const start = clamped(read.take(1), 0, text.length);
  const part = textArgument(read.need(0));
  budget.spend(self.length);
  if (typeof text === 'string') return BigInt(text.indexOf(part, start));
  const at = text.slice(start).join('').indexOf(part);
  return at < 0 ? -1n : BigInt(start + [...text.slice(start).join('').slice(0, at)].length);
}

/** Python's `'{} and {name:>3}'.format(...)`. Attributes and indices within fields are not supported. */
function formatted(self: string, { args, named }: Call, { budget }: Runtime): Value {
  let next = 0;
  const text = self.replace(
    /\{\{|\}\}|\{([^{}!:]*)(?:!([rs]))?(?::([^{}]*))?\}|[{}]/g,
    (all, field?: string, conversion?: string, spec = '') => {
      if (all === '{{' || all === '}}') return all.charAt(0);
      if (field === undefined) throw new UnsupportedFeature('an unusual template of format()');
      if (!/^(\d{0,4}|[\p{L}_][\p{L}\p{N}_]*)$/u.test(field))
        throw new UnsupportedFeature(`the field "{${field}}"`);
      const isPosition = /^\d*$/.test(field);
      const value = isPosition ? args[field === '' ? next++ : Number(field)] : named.get(field);
      if (value === undefined) throw new PythonError(isPosition ? 'IndexError' : 'KeyError', field);
      const converted =
        conversion === 'r' ? repr(value, budget) : conversion === 's' ? str(value, budget) : value;
      return format(converted, spec, budget);
    },
  );
  budget.allocate(text.length / 4);
  return text;
}
