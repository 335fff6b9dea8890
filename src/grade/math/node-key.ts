/**
 * A text key that is the same for identical trees, for nodes that are equal only if they are written alike.
 * @module
 */
import type { Node } from './ast.ts';

export function nodeKey(node: Node): string {
  return JSON.stringify(node, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
