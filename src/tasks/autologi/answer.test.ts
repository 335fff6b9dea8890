import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerPart, normalAnswer, readAnswer } from './answer.ts';

/** Parses an answer and returns its normal form. */
function read(part: string): string | undefined {
  const value = readAnswer(part);
  return value === undefined ? undefined : normalAnswer(value);
}

describe('answerPart', () => {
  it('is the last fenced block, else the last braces, else the last brackets', () => {
    const fenced = 'a {1} ```python\n[1]\n``` b ```\n[2]\n``` {3}';
    expect(answerPart(fenced)).toBe('[2]\n');
    expect(answerPart('{1} then {"a": {2}} [3]')).toBe('{"a": {2}}');
    expect(answerPart('[1] then [2, 3] done')).toBe('[2, 3]');
    // the match ends at the first closing bracket, as in the official code
    expect(answerPart('[[1, 2], [3]]')).toBe('[3]');
    expect(answerPart('``` json\n[1]\n```')).toBe('[1]\n');
    expect(answerPart('```[1]```')).toBe('[1]'); // no line end: no block
    expect(answerPart('```json\n[1]')).toBe('[1]'); // never closed: no block
    expect(answerPart('none } ] here')).toBeUndefined();
  });

  it('never throws and is fast on adversarial text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('```', '\n', '{', '}', '[', ']', 'x', '"', "'", '\\', '=', '#', '//')),
        (parts) => {
          const part = answerPart(parts.join(''));
          if (part !== undefined) read(part);
        },
      ),
    );
    const before = performance.now();
    for (const text of [
      '['.repeat(65_000),
      '{'.repeat(65_000),
      '```\n'.repeat(16_000),
      '``` '.repeat(16_000),
    ]) {
      expect(read(answerPart(text) ?? '')).toBeUndefined();
    }
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe('readAnswer', () => {
  it('distinguishes the types of Python', () => {
    expect(read("{'a': {'x', 'y'}, 'b': ('z',), 'c': [1, 1.0, True, None]}")).toBe(
      "{'a': {'x', 'y'}, 'b': ('z',), 'c': [1, 1.0, True, None]}",
    );
    expect(read('set()')).toBe('set()');
    expect(read('-1, +2.5')).toBe('(-1, 2.5)');
    expect(read('"a" \'b\'')).toBe("'ab'");
    expect(read('[1, 2,]')).toBe('[1, 2]');
    expect(read('# why\n[1]')).toBe('[1]');
  });

  it('has the same normal form for equal values in any order', () => {
    expect(read("{'b': {2, 1}, 'a': 1}")).toBe(read("{'a': 1, 'b': {1, 2}}"));
    expect(read('[1, 2]')).not.toBe(read('[2, 1]'));
  });

  it('reads answers like the official code: comments, true and false, the text after "=", JSON', () => {
    expect(read('{"a": 1, // first\n "b": true}')).toBe("{'a': 1, 'b': True}");
    expect(read('inputs = [1, 2]')).toBe('[1, 2]');
    expect(read('x: list = [1]')).toBe('[1]');
    expect(read('{"a": null, "b": [1, 2.0], "c": "x\\/y"}')).toBe("{'a': None, 'b': [1, 2.0], 'c': 'x/y'}");
    expect(read('{"a": "untrue"}')).toBe("{'a': 'unTrue'}"); // "true" is replaced within strings too
    expect(read('a = b = [1]')).toBeUndefined();
    expect(read('{"a=b": null}')).toBeUndefined(); // a text that contains "=" is not parsed as JSON
  });

  it('never executes anything', () => {
    const texts = [
      '[print(1)]',
      '__import__("os")',
      '[x for x in [1]]',
      'f"{1}"',
      '1 + 1',
      '[1] * 3',
      'open("x")',
      'dict()',
      '{[1]: 2}',
      '{{}}',
      '{**{}}',
      'not 1',
      'lambda: 1',
      '"a".upper()',
      '-"a"',
      '-True',
      '(yield)',
      '',
    ];
    for (const text of texts) expect(read(text)).toBeUndefined();
  });

  it('reads any value that consists of lists, strings and numbers', () => {
    const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      one: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.array(tie('one'), { maxLength: 4 })),
    })).one;
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const written = read(JSON.stringify(values).replaceAll('null', 'None').replaceAll('true', 'tru'));
        if (/null|true|false|=|\/\//.test(JSON.stringify(values))) return;
        expect(written).toBeDefined();
        expect(read(written ?? '')).toBe(written);
      }),
      { numRuns: 50 },
    );
  });
});
