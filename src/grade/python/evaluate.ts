/**
 * Evaluates expressions and assigns to targets.
 * @module
 */

import type { Argument, Clause, Expression } from './ast.ts';
import { readAttribute } from './attributes.ts';
import { dictOf, elements, setOf, toArray } from './collections.ts';
import { PythonError } from './errors.ts';
import type { Machine } from './machine.ts';
import { binary, compare, unary } from './operators.ts';
import { format, repr, str } from './repr.ts';
import { deleteItem, readItem, readSlice, type Slice, writeItem, writeSlice } from './subscript.ts';
import {
  type Call,
  type Frame,
  isTruthy,
  PyDict,
  PyIterator,
  PyList,
  PyTuple,
  typeName,
  type Value,
} from './value.ts';

export function evaluate(expression: Expression, frame: Frame, machine: Machine): Value {
  const { budget } = machine;
  const inner = (part: Expression): Value => evaluate(part, frame, machine);
  budget.spend(1);
  switch (expression.type) {
    case 'constant':
      return expression.value;
    case 'name':
      return readName(expression.name, frame, machine);
    case 'list':
      return new PyList(itemsOf(expression.items, frame, machine));
    case 'tuple':
      return new PyTuple(itemsOf(expression.items, frame, machine));
    case 'set':
      return setOf(itemsOf(expression.items, frame, machine), budget);
    case 'dict':
      return dictOf(entriesOf(expression.entries, frame, machine), budget);
    case 'unary':
      return unary(expression.operator, inner(expression.value));
    case 'binary':
      return binary(expression.operator, inner(expression.left), inner(expression.right), budget);
    case 'and':
    case 'or':
      return joined(expression, frame, machine);
    case 'compare':
      return compared(expression, frame, machine);
    case 'call':
      return machine.call(inner(expression.callee), argumentsOf(expression.args, frame, machine));
    case 'attribute':
      return readAttribute(inner(expression.value), expression.name, machine.runtime);
    case 'subscript': {
      const value = inner(expression.value);
      if (expression.index.type === 'slice')
        return readSlice(value, sliceOf(expression.index, frame, machine), budget);
      return readItem(value, inner(expression.index), machine.runtime);
    }
    case 'if':
      return inner(isTruthy(inner(expression.test)) ? expression.yes : expression.otherwise);
    case 'lambda':
      return machine.define(expression.node, frame);
    case 'comprehension':
      return comprehension(expression, frame, machine);
    case 'text':
      return textOf(expression, frame, machine);
    case 'walrus': {
      const value = inner(expression.value);
      let target = frame;
      while (target.isComprehension && target.parent) target = target.parent;
      assign({ type: 'name', name: expression.name }, value, target, machine);
      return value;
    }
    case 'starred':
    case 'slice':
      throw new PythonError('SyntaxError', `a ${expression.type} expression out of place`);
  }
}

type Of<T extends Expression['type']> = Extract<Expression, { readonly type: T }>;

/**
 * Returns the frame of a variable: the nearest frame with a local variable of this name, or else the module's
 * frame.
 */
function ownerOf(name: string, frame: Frame, machine: Machine): Frame {
  for (let at: Frame | undefined = frame; at?.locals; at = at.parent) if (at.locals.has(name)) return at;
  return machine.globals;
}

function readName(name: string, frame: Frame, machine: Machine): Value {
  const owner = ownerOf(name, frame, machine);
  const value = owner.variables.get(name) ?? (owner.variables.has(name) ? null : undefined);
  if (value !== undefined) return value;
  const builtin = owner.locals ? undefined : machine.builtins.get(name);
  if (builtin !== undefined) return builtin;
  const type = owner === frame && owner.locals ? 'UnboundLocalError' : 'NameError';
  throw new PythonError(type, `name '${name}' is not defined`);
}

function itemsOf(items: readonly Expression[], frame: Frame, machine: Machine): Value[] {
  machine.budget.allocate(1 + items.length);
  return items.flatMap((item) =>
    item.type === 'starred'
      ? toArray(evaluate(item.value, frame, machine), machine.budget)
      : [evaluate(item, frame, machine)],
  );
}

function* entriesOf(
  entries: Of<'dict'>['entries'],
  frame: Frame,
  machine: Machine,
): Generator<readonly [Value, Value]> {
  for (const [key, value] of entries) {
    if (key !== undefined) yield [evaluate(key, frame, machine), evaluate(value, frame, machine)];
    else {
      const whole = evaluate(value, frame, machine);
      if (!(whole instanceof PyDict))
        throw new PythonError('TypeError', `'${typeName(whole)}' object is not a mapping`);
      yield* whole.entries.values();
    }
  }
}

function joined({ type, values }: Of<'and' | 'or'>, frame: Frame, machine: Machine): Value {
  let value: Value = type === 'and';
  for (const part of values) {
    value = evaluate(part, frame, machine);
    if (isTruthy(value) !== (type === 'and')) return value;
  }
  return value;
}

function compared({ first, rest }: Of<'compare'>, frame: Frame, machine: Machine): boolean {
  let left = evaluate(first, frame, machine);
  for (const [operator, part] of rest) {
    const right = evaluate(part, frame, machine);
    if (!compare(operator, left, right, machine.budget)) return false;
    left = right;
  }
  return true;
}

function argumentsOf(args: readonly Argument[], frame: Frame, machine: Machine): Call {
  const { budget } = machine;
  const plain: Value[] = [];
  const named = new Map<string, Value>();
  for (const { value, kind, name } of args) {
    const given = evaluate(value, frame, machine);
    if (kind === 'star') for (const item of toArray(given, budget)) plain.push(item);
    else if (kind === 'double-star') {
      if (!(given instanceof PyDict))
        throw new PythonError('TypeError', 'argument after ** must be a mapping');
      for (const [key, one] of given.entries.values()) named.set(str(key, budget), one);
    } else if (name === undefined) plain.push(given);
    else named.set(name, given);
  }
  return { args: plain, named };
}

export function sliceOf({ start, stop, step }: Of<'slice'>, frame: Frame, machine: Machine): Slice {
  const part = (one: Expression | undefined): Value =>
    one === undefined ? null : evaluate(one, frame, machine);
  return { start: part(start), stop: part(stop), step: part(step) };
}

function textOf({ parts }: Of<'text'>, frame: Frame, machine: Machine): string {
  const { budget } = machine;
  const texts = parts.map((part) => {
    if (typeof part === 'string') return part;
    const value = evaluate(part.value, frame, machine);
    const written =
      part.conversion === 'r' ? repr(value, budget) : part.conversion === 's' ? str(value, budget) : value;
    return format(
      written,
      part.spec === undefined ? '' : str(evaluate(part.spec, frame, machine), budget),
      budget,
    );
  });
  const text = texts.join('');
  budget.allocate(text.length / 4);
  return text;
}

function comprehension(expression: Of<'comprehension'>, frame: Frame, machine: Machine): Value {
  const { kind, element, value, clauses, names } = expression;
  const { budget } = machine;
  const own: Frame = { variables: new Map(), locals: names, parent: frame, isComprehension: true };
  budget.allocate(2);
  // Python evaluates the iterable of the first `for` clause in the enclosing scope, before the iteration
  // starts
  const source = evaluate((clauses[0] as Clause).source, frame, machine);
  const each = <T extends Value | readonly [Value, Value]>(read: () => T): Generator<T> =>
    rounds(clauses, { at: 0, source, frame: own, machine, read });
  const item = (): Value => evaluate(element, own, machine);
  switch (kind) {
    case 'generator':
      return new PyIterator('generator', each(item));
    case 'list': {
      const items: Value[] = [];
      for (const one of each(item)) {
        budget.allocate(1);
        items.push(one);
      }
      return new PyList(items);
    }
    case 'set':
      return setOf(each(item), budget);
    case 'dict':
      return dictOf(
        each((): readonly [Value, Value] => [item(), evaluate(value as Expression, own, machine)]),
        budget,
      );
  }
}

interface Round<T> {
  readonly at: number;
  readonly source: Value;
  readonly frame: Frame;
  readonly machine: Machine;
  readonly read: () => T;
}

function* rounds<T>(clauses: readonly Clause[], round: Round<T>): Generator<T> {
  const { at, source, frame, machine, read } = round;
  const { target, conditions } = clauses[at] as Clause;
  for (const item of elements(source, machine.budget)) {
    assign(target, item, frame, machine);
    if (!conditions.every((test) => isTruthy(evaluate(test, frame, machine)))) continue;
    const next = clauses[at + 1];
    if (next === undefined) yield read();
    else yield* rounds(clauses, { ...round, at: at + 1, source: evaluate(next.source, frame, machine) });
  }
}

/**
 * Assigns a value to a target, e.g. a name, a subscript or a tuple of targets.
 *
 * @throws PythonError ValueError for the wrong number of values, TypeError for an invalid target
 */
export function assign(target: Expression, value: Value, frame: Frame, machine: Machine): void {
  const { budget } = machine;
  switch (target.type) {
    case 'name':
      budget.spend(1);
      assignedFrame(target.name, frame, machine).variables.set(target.name, value);
      return;
    case 'tuple':
    case 'list':
      unpack(target.items, toArray(value, budget), frame, machine);
      return;
    case 'subscript': {
      const whole = evaluate(target.value, frame, machine);
      if (target.index.type === 'slice')
        writeSlice(whole, sliceOf(target.index, frame, machine), toArray(value, budget));
      else writeItem(whole, evaluate(target.index, frame, machine), value, budget);
      return;
    }
    default:
      throw new PythonError('TypeError', `cannot assign to a ${target.type}`);
  }
}

/**
 * Returns the frame in which a name is assigned. A `global` or `nonlocal` name is assigned in the frame of
 * its variable.
 */
function assignedFrame(name: string, frame: Frame, machine: Machine): Frame {
  return frame.locals === undefined || frame.locals.has(name) ? frame : ownerOf(name, frame, machine);
}

function unpack(
  targets: readonly Expression[],
  values: readonly Value[],
  frame: Frame,
  machine: Machine,
): void {
  const star = targets.findIndex(({ type }) => type === 'starred');
  const isRight = star < 0 ? values.length === targets.length : values.length >= targets.length - 1;
  if (!isRight)
    throw new PythonError('ValueError', `expected ${targets.length} values to unpack, got ${values.length}`);
  for (const [index, target] of targets.entries()) {
    const fromEnd = values.length - targets.length + index;
    if (target.type === 'starred')
      assign(target.value, new PyList(values.slice(index, fromEnd + 1)), frame, machine);
    else assign(target, values[star >= 0 && index > star ? fromEnd : index] as Value, frame, machine);
  }
}

/** `del target`. */
export function remove(target: Expression, frame: Frame, machine: Machine): void {
  if (target.type === 'subscript' && target.index.type !== 'slice')
    deleteItem(
      evaluate(target.value, frame, machine),
      evaluate(target.index, frame, machine),
      machine.budget,
    );
  else if (target.type === 'subscript' && target.index.type === 'slice')
    writeSlice(evaluate(target.value, frame, machine), sliceOf(target.index, frame, machine), []);
  else if (target.type === 'name') {
    if (!assignedFrame(target.name, frame, machine).variables.delete(target.name))
      throw new PythonError('NameError', `name '${target.name}' is not defined`);
  } else throw new PythonError('TypeError', `cannot delete a ${target.type}`);
}
