/**
 * What templates may do in Python and the Jinja library does otherwise or not at all: `strip` with characters
 * to strip (it strips every blank), `| string` of a dict or list (Python's repr), `| select` and `| reject` of
 * plain values. Such calls are rewritten, in the parsed template, to functions that do what Python does.
 * @module
 */

/** A node of a parsed template; the library exports no types of them. */
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

/** Functions that {@link rewritePython} calls. */
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

/** Turns `text.strip(characters)` into `python_strip(text, characters)` and the like, everywhere in a template. */
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

/** Python's repr, as `str` shows what is inside a dict or list. */
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

/** Values inside a list or dict come wrapped by the library. */
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
