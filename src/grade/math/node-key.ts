/**
 * Writes a syntax tree as a text key. Two trees have the same key only if they are identical. It compares
 * nodes that are equal only if they are written alike.
 * @module
 */
import type { Node } from './ast.ts';

export function nodeKey(node: Node): string {
  return JSON.stringify(node, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
