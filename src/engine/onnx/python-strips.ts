/**
 * Python's `strip`, `lstrip` and `rstrip` with characters to strip, which templates use to cut line breaks
 * around thinking: the Jinja library takes the call and strips every blank instead, so calls with an
 * argument are rewritten to functions that do what Python does.
 * @module
 */

/** A node of a parsed template; only calls and members matter here. */
interface Node {
  readonly type?: string;
  callee?: unknown;
  args?: unknown[];
}

const PREFIX = 'python_';

/** Names that {@link rewriteStrips} calls. */
export const pythonStrips = {
  [`${PREFIX}strip`]: (text: string, characters: string): string =>
    rstrip(lstrip(text, characters), characters),
  [`${PREFIX}lstrip`]: lstrip,
  [`${PREFIX}rstrip`]: rstrip,
};

/** Turns `text.strip(characters)` into `python_strip(text, characters)`, in place, everywhere in a template. */
export function rewriteStrips(node: unknown): void {
  if (Array.isArray(node)) {
    for (const each of node) rewriteStrips(each);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  for (const child of node instanceof Map ? [...node].flat() : Object.values(node)) rewriteStrips(child);
  const call = node as Node;
  if (call.type !== 'CallExpression' || call.args?.length !== 1) return;
  const member = call.callee as {
    readonly type?: string;
    readonly computed?: boolean;
    readonly object?: unknown;
    readonly property?: { readonly type?: string; readonly value?: string };
  };
  const method = `${PREFIX}${member.property?.value}`;
  if (member.type !== 'MemberExpression' || member.computed || !Object.hasOwn(pythonStrips, method)) return;
  call.args = [member.object, ...call.args];
  call.callee = { type: 'Identifier', value: method };
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
