/**
 * Determines the local names of a function: those that it assigns anywhere, unless it declares them `global` or
 * `nonlocal`.
 * @module
 */
import type { Expression, Statement } from './ast.ts';

/**
 * Returns the names of the local variables of a function.
 *
 * @param parameters - names of its parameters, which are local unless they are declared `global` or
 *   `nonlocal`
 */
export function localNames(parameters: readonly string[], body: readonly Statement[]): ReadonlySet<string> {
  const own = new Set(parameters);
  const foreign = new Set<string>();
  for (const statement of body) collect(statement, own, foreign);
  for (const name of foreign) own.delete(name);
  return own;
}

/** Returns the names of the variables that an assignment to `target` sets. */
export function targetNames(target: Expression): string[] {
  if (target.type === 'name') return [target.name];
  if (target.type === 'starred') return targetNames(target.value);
  return target.type === 'tuple' || target.type === 'list' ? target.items.flatMap(targetNames) : [];
}

function collect(statement: Statement, own: Set<string>, foreign: Set<string>): void {
  const add = (names: readonly string[]): void => {
    for (const name of names) own.add(name);
  };
  const block = (body: readonly Statement[]): void => {
    for (const inner of body) collect(inner, own, foreign);
  };
  for (const value of Object.values(statement)) add(walrusNames(value));
  switch (statement.type) {
    case 'assign':
    case 'delete':
      add(statement.targets.flatMap(targetNames));
      break;
    case 'update':
      add(targetNames(statement.target));
      break;
    case 'for':
      add(targetNames(statement.target));
      block(statement.body);
      block(statement.otherwise);
      break;
    case 'if':
    case 'while':
      block(statement.body);
      block(statement.otherwise);
      break;
    case 'function':
      add([statement.node.name]);
      break;
    case 'import':
      add([statement.name]);
      break;
    case 'global':
    case 'nonlocal':
      for (const name of statement.names) foreign.add(name);
      break;
    case 'try':
      for (const { name } of statement.handlers) if (name !== undefined) own.add(name);
      for (const { body } of statement.handlers) block(body);
      for (const body of [statement.body, statement.otherwise, statement.last]) block(body);
      break;
  }
}

/** Returns the names that `:=` assigns within an expression. Inner functions are not searched. */
function walrusNames(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(walrusNames);
  if (typeof part !== 'object' || part === null || !('type' in part)) return [];
  const { type } = part;
  if (type === 'lambda' || isStatement(type)) return [];
  const inner = Object.values(part).flatMap(walrusNames);
  return type === 'walrus' && 'name' in part ? [String(part.name), ...inner] : inner;
}

/** Whether a node is a statement. Names assigned by nested statements are collected separately. */
function isStatement(type: unknown): boolean {
  return [
    'expression',
    'assign',
    'update',
    'return',
    'while',
    'for',
    'function',
    'try',
    'assert',
    'delete',
  ].some((name) => name === type);
}
