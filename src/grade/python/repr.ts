/**
 * Converts values to text: `repr`, `str`, and the format language of f-strings and `format`.
 * @module
 */
import { Budget } from './budget.ts';
import { elements } from './collections.ts';
import { numeric } from './compare.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import {
  PyDict,
  PyException,
  PyList,
  PyRange,
  PySet,
  PyTuple,
  PyType,
  PyView,
  typeName,
  type Value,
} from './value.ts';

export function str(value: Value, budget: Budget): string {
  if (typeof value === 'string') return value;
  if (value instanceof PyException) {
    const { args, type } = value;
    if (args.length === 1) return (type === 'KeyError' ? repr : str)(args[0] as Value, budget);
    return args.length === 0 ? '' : repr(new PyTuple(args), budget);
  }
  return repr(value, budget);
}

/**
 * Python's `repr(value)`.
 *
 * @param budget - charged for the length of the text; default: a new budget
 * @throws LimitExceeded for a text that is too long, PythonError for an integer with more than 4300 digits
 *
 * @example
 * repr(runPython('x = [1, 2.0, "a"]').global('x')); // => "[1, 2.0, 'a']"
 */
export function repr(value: Value, budget: Budget = new Budget()): string {
  budget.spend(1);
  const text = plainRepr(value, budget);
  budget.allocate(text.length / 4);
  return text;
}

function plainRepr(value: Value, budget: Budget): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return integerText(value);
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'string') return quoted(value);
  const all = (items: Iterable<Value>): string => [...items].map((item) => repr(item, budget)).join(', ');
  if (value instanceof PyList) return `[${all(value.items)}]`;
  if (value instanceof PyTuple) return `(${all(value.items)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof PySet) {
    const inner = value.members.size === 0 ? '' : `{${all(value.members.values())}}`;
    return value.frozen ? `frozenset(${inner})` : inner || 'set()';
  }
  if (value instanceof PyDict) {
    const entries = [...value.entries.values()].map(
      ([key, one]) => `${repr(key, budget)}: ${repr(one, budget)}`,
    );
    const inner = `{${entries.join(', ')}}`;
    return value.kind === 'dict' ? inner : `${value.kind}(${inner})`;
  }
  if (value instanceof PyView) return `dict_${value.what}([${all(elements(value, budget))}])`;
  if (value instanceof PyRange)
    return `range(${value.start}, ${value.stop}${value.step === 1n ? '' : `, ${value.step}`})`;
  if (value instanceof PyType) return `<class '${value.name}'>`;
  if (value instanceof PyException) return `${value.type}(${all(value.args)})`;
  return `<${typeName(value)}>`;
}

/** Writes an integer in decimal. Python raises an error for integers with more than 4300 digits. */
function integerText(value: bigint): string {
  const text = String(value);
  if (text.length > 4301)
    throw new PythonError('ValueError', 'Exceeds the limit (4300 digits) for integer string');
  return text;
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4))
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\'"\p{Cc}]/gu, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    if (character === '\\' || character === quote) return `\\${character}`;
    if (character === '"' || character === "'") return character;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${quote}${escaped}${quote}`;
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(0)?(\d{1,9})?(,)?(?:\.(\d{1,9}))?([a-zA-Z%])?$/su;

/** Python's `format(value, spec)`. @throws PythonError ValueError; UnsupportedFeature for rare presentation types */
export function format(value: Value, spec: string, budget: Budget): string {
  if (spec === '') return str(value, budget);
  const match = SPEC.exec(spec);
  if (!match) throw new UnsupportedFeature(`the format "${spec.slice(0, 20)}"`);
  const [, fill, align, sign = '', zero, width = '0', comma, precision, type = ''] = match;
  const digits = precision === undefined ? undefined : Number(precision);
  budget.allocate((Number(width) + (digits ?? 0)) / 4);
  const number = typeof value === 'string' ? undefined : numeric(value);
  const body =
    number === undefined
      ? str(value, budget).slice(0, digits)
      : numberBody(number, { type, digits, comma: comma !== undefined, isBool: typeof value === 'boolean' });
  const isNegative = number !== undefined && body.startsWith('-');
  const prefix = isNegative ? '-' : number !== undefined && sign !== '-' ? sign : '';
  const rest = isNegative ? body.slice(1) : body;
  const side = align ?? (number === undefined ? '<' : zero ? '=' : '>');
  const padding = (fill ?? (zero ? '0' : ' ')).repeat(
    Math.max(0, Number(width) - prefix.length - rest.length),
  );
  if (side === '<') return prefix + rest + padding;
  if (side === '=') return prefix + padding + rest;
  if (side === '>') return padding + prefix + rest;
  const half = Math.floor(padding.length / 2);
  return padding.slice(0, half) + prefix + rest + padding.slice(half);
}

interface NumberStyle {
  readonly type: string;
  readonly digits: number | undefined;
  readonly comma: boolean;
  readonly isBool: boolean;
}

function numberBody(number: bigint | number, { type, digits, comma, isBool }: NumberStyle): string {
  if (type === '' && digits === undefined) {
    if (isBool) return number === 1n ? '1' : '0';
    return typeof number === 'bigint' ? groupedDigits(integerText(number), comma) : floatText(number);
  }
  if (type === 'd' && typeof number === 'bigint') return groupedDigits(integerText(number), comma);
  if (type === 'f' || type === '%') {
    const value = Number(number) * (type === '%' ? 100 : 1);
    if (Math.abs(value) >= 1e21 || (digits ?? 6) > 100)
      throw new UnsupportedFeature('formats of very long numbers');
    const [whole = '', fraction] = value.toFixed(digits ?? 6).split('.');
    return `${groupedDigits(whole, comma)}${fraction === undefined ? '' : `.${fraction}`}${type === '%' ? '%' : ''}`;
  }
  throw new UnsupportedFeature(`the format type "${type}"`);
}

function groupedDigits(text: string, comma: boolean): string {
  return comma ? text.replace(/\B(?=(\d{3})+$)/g, ',') : text;
}
