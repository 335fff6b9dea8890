/**
 * A text that equal trees share, for things that are only equal when written alike.
 * @module
 */
import type { Node } from './ast.ts';

export function nodeKey(node: Node): string {
  return JSON.stringify(node, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
