/**
 * Parses Python literals like `ast.literal_eval`; nothing is executed.
 * @module
 */
import type { Expression } from './ast.ts';
import type { Budget } from './budget.ts';
import { dictOf, setOf } from './collections.ts';
import { numeric } from './compare.ts';
import { PythonSyntaxError } from './errors.ts';
import { unary } from './operators.ts';
import { parseSingleExpression } from './parser.ts';
import { PyList, PyTuple, type Value } from './value.ts';

/**
 * Parses a Python literal.
 *
 * @param names - values of further names, such as JSON's `null`
 * @throws PythonSyntaxError for a text that is not a literal
 * @throws PythonError TypeError for a mutable key
 * @throws UnsupportedFeature for bytes and complex numbers
 * @throws LimitExceeded
 */
export function readLiteral(
  source: string,
  budget: Budget,
  names: ReadonlyMap<string, Value> = new Map(),
): Value {
  return literalValue(parseSingleExpression(source), budget, names);
}

function literalValue(expression: Expression, budget: Budget, names: ReadonlyMap<string, Value>): Value {
  const inner = (part: Expression): Value => literalValue(part, budget, names);
  budget.allocate(1);
  switch (expression.type) {
    case 'constant':
      return expression.value;
    case 'list':
      return new PyList(expression.items.map(inner));
    case 'tuple':
      return new PyTuple(expression.items.map(inner));
    case 'set':
      return setOf(expression.items.map(inner), budget);
    case 'dict':
      return dictOf(
        expression.entries.map(([key, value]) => {
          if (key === undefined) throw new PythonSyntaxError('expected a literal, got "**"');
          return [inner(key), inner(value)] as const;
        }),
        budget,
      );
    case 'unary':
    case 'binary':
      return signed(expression, inner);
    case 'call':
      if (
        expression.callee.type === 'name' &&
        expression.callee.name === 'set' &&
        expression.args.length === 0
      )
        return setOf([], budget);
      break;
    case 'name':
      if (names.has(expression.name)) return names.get(expression.name) ?? null;
  }
  throw new PythonSyntaxError(`expected a literal, got a ${expression.type}`);
}

/**
 * Parses a number with a sign. A literal with `+` or `-` between two numbers is a complex number, which is
 * not supported.
 */
function signed(
  expression: Extract<Expression, { type: 'unary' | 'binary' }>,
  inner: (part: Expression) => Value,
): Value {
  if (expression.type === 'unary' && '+-'.includes(expression.operator)) {
    const value = inner(expression.value);
    if (typeof value !== 'boolean' && numeric(value) !== undefined) return unary(expression.operator, value);
  }
  throw new PythonSyntaxError('expected a literal, got an expression');
}
