/**
 * Python's formatting with the operator `%`, as in `'%s has %d' % (name, count)`.
 * @module
 */
import type { Budget } from './budget.ts';
import { numeric } from './compare.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { format, repr, str } from './repr.ts';
import { PyDict, PyTuple, typeName, type Value } from './value.ts';

/**
 * Formats a template. @throws PythonError TypeError; UnsupportedFeature for named fields and rare conversions
 */
export function percentFormat(template: string, value: Value, budget: Budget): string {
  if (value instanceof PyDict && template.includes('%(')) throw new UnsupportedFeature('"%(name)s"');
  const values = value instanceof PyTuple ? value.items : [value];
  let next = 0;
  const text = template.replace(
    /%(?:%|([-0+ ]*)(\d{1,9})?(?:\.(\d{1,9}))?([a-zA-Z])|.?)/gs,
    (all, ...groups: (string | undefined)[]) => {
      const [flags = '', width = '', precision, type] = groups;
      if (all === '%%') return '%';
      if (type === undefined) throw new PythonError('ValueError', 'unsupported format character');
      if (next >= values.length) throw new PythonError('TypeError', 'not enough arguments for format string');
      const written = textFor(values[next++] as Value, type, precision, budget);
      const side = flags.includes('-') ? '<' : flags.includes('0') && !'sr'.includes(type) ? '=' : '>';
      const fill = side === '=' ? '0' : ' ';
      return format(written, `${fill}${side === '=' ? '>' : side}${width || '0'}`, budget);
    },
  );
  if (next < values.length)
    throw new PythonError('TypeError', 'not all arguments converted during string formatting');
  budget.allocate(text.length / 4);
  return text;
}

function textFor(value: Value, type: string, precision: string | undefined, budget: Budget): string {
  if (type === 's')
    return str(value, budget).slice(0, precision === undefined ? undefined : Number(precision));
  if (type === 'r') return repr(value, budget);
  const number = numeric(value);
  if (number === undefined)
    throw new PythonError('TypeError', `%${type} format: a number is required, not ${typeName(value)}`);
  if (type === 'f') return format(Number(number), `.${precision ?? '6'}f`, budget);
  if (type === 'd' || type === 'i')
    return str(typeof number === 'bigint' ? number : wholePart(number), budget);
  throw new UnsupportedFeature(`"%${type}"`);
}

/** Truncates a float to an integer. @throws PythonError for infinity and NaN */
export function wholePart(number: number): bigint {
  if (Number.isFinite(number)) return BigInt(Math.trunc(number));
  if (Number.isNaN(number)) throw new PythonError('ValueError', 'cannot convert float NaN to integer');
  throw new PythonError('OverflowError', 'cannot convert float infinity to integer');
}
