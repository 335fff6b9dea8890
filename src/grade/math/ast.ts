/**
 * Syntax tree of an answer: numbers and expressions, and the compound answers around them (lists, tuples,
 * intervals, sets, relations, matrices, quantities, words). The tree records the notation; the comparison
 * modules determine its value.
 * @module
 */
import { integer, type Rational } from '../rational.ts';

/** Kind of a bracket of a tuple or an interval. A closing bracket is denoted by its opening sign, too. */
export type BracketSign = '(' | '[' | '<';

export type RelationSign = '=' | '≈' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'equiv' | 'subset' | 'to';

export type SetOperation = 'union' | 'intersection' | 'difference';

export type Node =
  /** `decimals`: number of digits after the decimal point; absent for integers. */
  | { readonly kind: 'number'; readonly value: Rational; readonly decimals?: number }
  | { readonly kind: 'constant'; readonly name: 'pi' | 'e' | 'i' | 'infinity' }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'sum'; readonly terms: readonly Node[] }
  | { readonly kind: 'product'; readonly factors: readonly Node[] }
  | { readonly kind: 'quotient'; readonly over: Node; readonly under: Node }
  | { readonly kind: 'negative'; readonly of: Node }
  | { readonly kind: 'power'; readonly base: Node; readonly exponent: Node }
  | { readonly kind: 'root'; readonly of: Node; readonly index: Node }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Node[] }
  /** `sign` 1: `\pm of`, -1: `\mp of`. */
  | { readonly kind: 'either-sign'; readonly sign: 1 | -1; readonly of: Node }
  | Series
  /** A value with the unit or words written before or after it: `cm^2`, `percent`, `degree`, `dollar`. */
  | { readonly kind: 'quantity'; readonly value: Node; readonly unit: string }
  /** A numeral with an explicit base, e.g. digits `52`, base 8. */
  | { readonly kind: 'numeral'; readonly digits: string; readonly base: number }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Node[]; readonly joint: Joint }
  /** A tuple or an interval; the brackets alone do not decide which. At least two items if the brackets match. */
  | {
      readonly kind: 'bracket';
      readonly open: BracketSign;
      readonly close: BracketSign;
      readonly items: readonly Node[];
    }
  | { readonly kind: 'set'; readonly items: readonly Node[] }
  | { readonly kind: 'builder'; readonly element: Node; readonly condition: Node }
  | { readonly kind: 'set-name'; readonly name: string }
  | {
      readonly kind: 'set-operation';
      readonly operation: SetOperation;
      readonly left: Node;
      readonly right: Node;
    }
  /** A chain: operands[0] signs[0] operands[1] signs[1] ... */
  | { readonly kind: 'relation'; readonly operands: readonly Node[]; readonly signs: readonly RelationSign[] }
  | { readonly kind: 'ratio'; readonly parts: readonly Node[] }
  /** A value of a residue class, `3 \pmod 5`. */
  | { readonly kind: 'residue'; readonly of: Node; readonly modulus: Node }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Node[])[] };

/** Separator of the items of a list. */
export type Joint = ',' | 'and' | 'or';

/** A sum, product, integral or limit with its bounds, e.g. `\sum_{variable=from}^{to} body`. */
export interface Series {
  readonly kind: 'series';
  readonly operation: 'sum' | 'product' | 'integral' | 'limit';
  readonly variable: string;
  readonly from: Node | undefined;
  readonly to: Node | undefined;
  readonly body: Node;
}

export type Kind = Node['kind'];
export type NodeOf<K extends Kind> = Extract<Node, { readonly kind: K }>;

export function numberNode(value: bigint | number): NodeOf<'number'> {
  return { kind: 'number', value: integer(value) };
}

/** Name of the left-hand side that a bound such as `> 5` omits. */
export const IMPLICIT_SUBJECT = '?';

export const PI: Node = { kind: 'constant', name: 'pi' };

/** Creates a product node. Nested products are flattened, and a single factor is returned as it is. */
export function product(factors: readonly Node[]): Node {
  const flat = factors.flatMap((factor) => (factor.kind === 'product' ? factor.factors : [factor]));
  return flat.length === 1 ? flat[0] : { kind: 'product', factors: flat };
}

/** Creates a list node. A single item is returned as it is. */
export function listOf(items: readonly Node[], joint: Joint): Node {
  return items.length === 1 ? items[0] : { kind: 'list', items, joint };
}

/** Returns a copy of the node in which `change` has replaced each direct child. */
export function mapChildren(node: Node, change: (child: Node) => Node): Node {
  switch (node.kind) {
    case 'number':
    case 'constant':
    case 'symbol':
    case 'numeral':
    case 'text':
    case 'set-name':
      return node;
    case 'sum':
      return { ...node, terms: node.terms.map(change) };
    case 'product':
      return { ...node, factors: node.factors.map(change) };
    case 'quotient':
      return { ...node, over: change(node.over), under: change(node.under) };
    case 'negative':
    case 'either-sign':
      return { ...node, of: change(node.of) };
    case 'power':
      return { ...node, base: change(node.base), exponent: change(node.exponent) };
    case 'root':
      return { ...node, of: change(node.of), index: change(node.index) };
    case 'call':
      return { ...node, args: node.args.map(change) };
    case 'series':
      return {
        ...node,
        from: node.from && change(node.from),
        to: node.to && change(node.to),
        body: change(node.body),
      };
    case 'quantity':
      return { ...node, value: change(node.value) };
    case 'list':
    case 'bracket':
    case 'set':
      return { ...node, items: node.items.map(change) };
    case 'builder':
      return { ...node, element: change(node.element), condition: change(node.condition) };
    case 'set-operation':
      return { ...node, left: change(node.left), right: change(node.right) };
    case 'relation':
      return { ...node, operands: node.operands.map(change) };
    case 'ratio':
      return { ...node, parts: node.parts.map(change) };
    case 'residue':
      return { ...node, of: change(node.of), modulus: change(node.modulus) };
    case 'matrix':
      return { ...node, rows: node.rows.map((row) => row.map(change)) };
  }
}

/** Returns the node's direct children, in order. */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  mapChildren(node, (child) => {
    children.push(child);
    return child;
  });
  return children;
}

/** Whether the node or one of its descendants satisfies the test. */
export function contains(node: Node, test: (node: Node) => boolean): boolean {
  return test(node) || childrenOf(node).some((child) => contains(child, test));
}
