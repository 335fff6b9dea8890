import { expect, it } from 'vitest';
import { parseJsonObject } from './json-object.ts';

it('reads what the json module of Python writes', () => {
  const text = '\uFEFF{"a": NaN, "b": -Infinity, "c": ["NaN", "x\\"Infinity"], "d": Infinity}';
  expect(parseJsonObject(text, 'f')).toEqual({ a: null, b: null, c: ['NaN', 'x"Infinity'], d: null });
});

it.each(['{', '{"a": nan}', '{"a": NaN', '[NaN]'])('rejects %s', (text) => {
  expect(() => parseJsonObject(text, 'f')).toThrow(/^f: expected (a JSON object|JSON \()/);
});
