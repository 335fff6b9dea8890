/**
 * Python behaviour of chat templates that the JavaScript Jinja library lacks: `strip` with an argument (the library
 * always strips whitespace), `| string` of a dict or list (Python's repr), `| select` and `| reject` of plain
 * values. Such calls in the parsed template are rewritten to functions that behave as in Python.
 * @module
 */

/** A node of a parsed template; the library does not export its node types. */
interface Node {
  type?: string;
  callee?: Node;
  args?: unknown[];
  readonly object?: unknown;
  readonly property?: Node;
  readonly computed?: boolean;
  readonly operand?: unknown;
  readonly filter?: Node;
  readonly value?: unknown;
}

const PREFIX = 'python_';
const METHODS = ['strip', 'lstrip', 'rstrip'];
const FILTERS = ['string', 'select', 'reject'];

/** Global functions that rewritten templates call; see {@link rewritePython}. */
export const pythonFunctions = {
  [`${PREFIX}strip`]: (text: string, characters: string): string =>
    rstrip(lstrip(text, characters), characters),
  [`${PREFIX}lstrip`]: lstrip,
  [`${PREFIX}rstrip`]: rstrip,
  [`${PREFIX}string`]: (value: unknown): string => (typeof value === 'string' ? value : repr(value)),
  [`${PREFIX}select`]: (list: readonly unknown[], test: string, than: unknown): unknown[] =>
    list.map(plain).filter((item) => passes(item, test, than)),
  [`${PREFIX}reject`]: (list: readonly unknown[], test: string, than: unknown): unknown[] =>
    list.map(plain).filter((item) => !passes(item, test, than)),
};

/** Rewrites calls such as `text.strip(characters)` to `python_strip(text, characters)` in a parsed template, in place. */
export function rewritePython(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const children = node instanceof Map ? [...node].flat() : Object.values(node);
  for (const child of children) rewritePython(child);
  const at = node as Node;
  if (at.type === 'CallExpression') rewriteMethod(at);
  if (at.type === 'FilterExpression') rewriteFilter(at);
}

function rewriteMethod(call: Node): void {
  const member = call.callee;
  if (member?.type !== 'MemberExpression' || member.computed || call.args?.length !== 1) return;
  const method = String(member.property?.value);
  if (METHODS.includes(method)) becomeCall(call, method, [member.object, ...call.args]);
}

function rewriteFilter(node: Node): void {
  const { operand, filter } = node;
  const isCall = filter?.type === 'CallExpression';
  const name = String((isCall ? filter.callee : filter)?.value);
  if (FILTERS.includes(name)) becomeCall(node, name, [operand, ...((isCall && filter.args) || [])]);
}

function becomeCall(node: Node, name: string, args: unknown[]): void {
  node.type = 'CallExpression';
  node.callee = { type: 'Identifier', value: `${PREFIX}${name}` };
  node.args = args;
}

function passes(item: unknown, test: string, than: unknown): boolean {
  if (['equalto', 'eq', '=='].includes(test)) return item === than;
  throw new Error(`test "${test}" of a list is not supported`);
}

/** Returns Python's `repr` of a value, which `str` applies to the items of a dict or list. */
function repr(value: unknown): string {
  const inner = plain(value);
  if (inner === null || inner === undefined) return 'None';
  if (typeof inner === 'boolean') return inner ? 'True' : 'False';
  if (typeof inner === 'string') return reprText(inner);
  if (Array.isArray(inner)) return `[${inner.map(repr).join(', ')}]`;
  if (inner instanceof Map)
    return `{${[...inner].map(([key, item]) => `${repr(key)}: ${repr(item)}`).join(', ')}}`;
  return String(inner);
}

/** Returns the plain value, because the library wraps the items of lists and dicts in objects. */
function plain(value: unknown): unknown {
  const isWrapped = typeof value === 'object' && value !== null && 'value' in value && 'type' in value;
  return isWrapped ? value.value : value;
}

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = [...text].map((character) => {
    if (character === quote || character === '\\') return `\\${character}`;
    const named = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    if (named !== undefined) return named;
    const code = character.codePointAt(0) as number;
    if (!/[\p{C}\p{Z}]/u.test(character) || character === ' ') return character;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000
      ? `\\u${code.toString(16).padStart(4, '0')}`
      : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return quote + inside.join('') + quote;
}

function lstrip(text: string, characters: string): string {
  const points = [...text];
  const first = points.findIndex((point) => !characters.includes(point));
  return first < 0 ? '' : points.slice(first).join('');
}

function rstrip(text: string, characters: string): string {
  const points = [...text];
  const last = points.findLastIndex((point) => !characters.includes(point));
  return points.slice(0, last + 1).join('');
}
