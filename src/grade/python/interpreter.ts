/**
 * Runs Python programs, statement by statement. Each interpreter has variables of its own and a budget; when it is
 * dropped, nothing of what ran in it is left.
 * @module
 */
import type { Expression, FunctionNode, Handler, Program, Statement } from './ast.ts';
import { Budget, type Limits } from './budget.ts';
import { builtins } from './builtins.ts';
import { elements } from './collections.ts';
import { LimitReached, Raised } from './errors.ts';
import { assign, evaluate, remove, sliceOf } from './evaluate.ts';
import { isKindOf } from './exceptions.ts';
import { callValue, defineFunction } from './functions.ts';
import type { Machine } from './machine.ts';
import { importMember, importModule } from './modules.ts';
import { binary } from './operators.ts';
import type { Runtime } from './runtime.ts';
import { readItem, readSlice, writeItem, writeSlice } from './subscript.ts';
import { str } from './text.ts';
import {
  type Frame,
  isTruthy,
  PyDict,
  PyException,
  PyList,
  PySet,
  PyTuple,
  PyType,
  typeName,
  type Value,
} from './value.ts';

/** How a block was left: undefined at its end. */
type Leaving = 'break' | 'continue' | { readonly value: Value } | undefined;

export class Interpreter implements Machine {
  readonly budget: Budget;
  readonly globals: Frame = {
    variables: new Map(),
    locals: undefined,
    parent: undefined,
    isComprehension: false,
  };
  readonly builtins: ReadonlyMap<string, Value>;
  readonly runtime: Runtime;
  /** Whether the program printed anything but blanks. */
  hasPrinted = false;
  /** What a bare `raise` raises again. */
  readonly #handling: Raised[] = [];

  constructor(limits?: Limits) {
    this.budget = new Budget(limits);
    this.runtime = {
      budget: this.budget,
      call: (callee, args) => this.call(callee, { args, named: new Map() }),
      print: (text) => {
        this.budget.hold(text.length / 4);
        if (text.trim() !== '') this.hasPrinted = true;
      },
    };
    this.builtins = builtins(this.runtime);
  }

  /** Runs a program among the module's variables. @throws Raised, Unsupported, LimitReached */
  run(program: Program): void {
    this.guarded(() => this.#block(program.body, this.globals));
  }

  /** The value of a variable of the module. @throws Raised NameError */
  global(name: string): Value {
    const value = this.globals.variables.get(name);
    if (value === undefined) throw new Raised('NameError', `name '${name}' is not defined`);
    return value;
  }

  call(
    callee: Value,
    call: { readonly args: readonly Value[]; readonly named: ReadonlyMap<string, Value> },
  ): Value {
    return callValue(callee, call, this);
  }

  define(node: FunctionNode, frame: Frame): Value {
    return defineFunction(node, frame, this);
  }

  runBody(body: readonly Statement[], frame: Frame): Value {
    const leaving = this.#block(body, frame);
    return typeof leaving === 'object' ? leaving.value : null;
  }

  /** A program that fills the host's stack has reached a limit like any other. */
  guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof RangeError) throw new LimitReached('deeper than the stack');
      throw error;
    }
  }

  #block(body: readonly Statement[], frame: Frame): Leaving {
    for (const statement of body) {
      const leaving = this.#statement(statement, frame);
      if (leaving !== undefined) return leaving;
    }
    return undefined;
  }

  #statement(statement: Statement, frame: Frame): Leaving {
    this.budget.spend(1);
    switch (statement.type) {
      case 'expression':
        evaluate(statement.value, frame, this);
        return undefined;
      case 'assign': {
        const value = evaluate(statement.value, frame, this);
        for (const target of statement.targets) assign(target, value, frame, this);
        return undefined;
      }
      case 'update':
        this.#update(statement.target, statement, frame);
        return undefined;
      case 'return':
        return { value: statement.value === undefined ? null : evaluate(statement.value, frame, this) };
      case 'if': {
        const isTrue = isTruthy(evaluate(statement.test, frame, this));
        return this.#block(isTrue ? statement.body : statement.otherwise, frame);
      }
      case 'while':
        return this.#while(statement, frame);
      case 'for':
        return this.#for(statement, frame);
      case 'break':
      case 'continue':
        return statement.type;
      case 'function':
        assign(
          { type: 'name', name: statement.node.name },
          defineFunction(statement.node, frame, this),
          frame,
          this,
        );
        return undefined;
      case 'import': {
        const { module, member, name } = statement;
        const value =
          member === undefined
            ? importModule(module, this.runtime)
            : importMember(module, member, this.runtime);
        assign({ type: 'name', name }, value, frame, this);
        return undefined;
      }
      case 'raise':
        throw this.#raised(statement.value, frame);
      case 'try':
        return this.#try(statement, frame);
      case 'assert':
        if (isTruthy(evaluate(statement.test, frame, this))) return undefined;
        throw new Raised(
          'AssertionError',
          ...(statement.message ? [evaluate(statement.message, frame, this)] : []),
        );
      case 'delete':
        for (const target of statement.targets) remove(target, frame, this);
        return undefined;
      case 'global':
      case 'nonlocal':
      case 'pass':
        return undefined;
    }
  }

  #while(statement: Extract<Statement, { type: 'if' | 'while' }>, frame: Frame): Leaving {
    while (isTruthy(evaluate(statement.test, frame, this))) {
      const leaving = this.#block(statement.body, frame);
      if (leaving === 'break') return undefined;
      if (typeof leaving === 'object') return leaving;
    }
    return this.#block(statement.otherwise, frame);
  }

  #for(statement: Extract<Statement, { type: 'for' }>, frame: Frame): Leaving {
    for (const item of elements(evaluate(statement.source, frame, this), this.budget)) {
      assign(statement.target, item, frame, this);
      const leaving = this.#block(statement.body, frame);
      if (leaving === 'break') return undefined;
      if (typeof leaving === 'object') return leaving;
    }
    return this.#block(statement.otherwise, frame);
  }

  /** `target op= value`: lists, sets and dictionaries change in place. */
  #update(
    target: Expression,
    { operator, value }: { readonly operator: string; readonly value: Expression },
    frame: Frame,
  ): void {
    if (target.type !== 'subscript') {
      const before = evaluate(target, frame, this);
      assign(target, this.#updated(before, operator, evaluate(value, frame, this)), frame, this);
      return;
    }
    const whole = evaluate(target.value, frame, this);
    if (target.index.type === 'slice') {
      const slice = sliceOf(target.index, frame, this);
      const before = readSlice(whole, slice, this.budget);
      writeSlice(whole, slice, [
        ...elements(this.#updated(before, operator, evaluate(value, frame, this)), this.budget),
      ]);
      return;
    }
    const index = evaluate(target.index, frame, this);
    const before = readItem(whole, index, this.runtime);
    writeItem(whole, index, this.#updated(before, operator, evaluate(value, frame, this)), this.budget);
  }

  #updated(before: Value, operator: string, value: Value): Value {
    if (before instanceof PyList && operator === '+') {
      for (const item of [...elements(value, this.budget)]) {
        this.budget.hold(1);
        before.items.push(item);
      }
      return before;
    }
    const result = binary(operator, before, value, this.budget);
    if (before instanceof PySet && !before.frozen && result instanceof PySet) {
      before.members.clear();
      for (const [key, member] of result.members) before.members.set(key, member);
      return before;
    }
    if (before instanceof PyDict && result instanceof PyDict) {
      for (const [key, entry] of result.entries) before.entries.set(key, entry);
      return before;
    }
    return result;
  }

  #raised(expression: Expression | undefined, frame: Frame): Raised {
    if (expression === undefined)
      return this.#handling.at(-1) ?? new Raised('RuntimeError', 'No active exception to reraise');
    const value = evaluate(expression, frame, this);
    const made =
      value instanceof PyType && value.isException ? this.call(value, { args: [], named: new Map() }) : value;
    if (made instanceof PyException) return new Raised(made.type, ...made.args);
    return new Raised('TypeError', `exceptions must derive from BaseException, got ${typeName(made)}`);
  }

  #try(statement: Extract<Statement, { type: 'try' }>, frame: Frame): Leaving {
    let leaving: Leaving;
    try {
      leaving = this.#attempt(statement, frame);
    } catch (error) {
      if (error instanceof Raised) {
        const last = this.#block(statement.last, frame);
        if (last !== undefined) return last; // leaving from `finally` drops the exception
      }
      throw error;
    }
    return this.#block(statement.last, frame) ?? leaving;
  }

  #attempt({ body, handlers, otherwise }: Extract<Statement, { type: 'try' }>, frame: Frame): Leaving {
    try {
      const leaving = this.#block(body, frame);
      if (leaving !== undefined) return leaving;
    } catch (error) {
      if (!(error instanceof Raised)) throw error;
      const handler = handlers.find(
        ({ matches }) => matches === undefined || this.#matches(error, matches, frame),
      );
      if (handler === undefined) throw error;
      return this.#handle(handler, error, frame);
    }
    return this.#block(otherwise, frame);
  }

  #handle({ name, body }: Handler, error: Raised, frame: Frame): Leaving {
    if (name !== undefined)
      assign({ type: 'name', name }, new PyException(error.type, error.args), frame, this);
    this.#handling.push(error);
    try {
      return this.#block(body, frame);
    } finally {
      this.#handling.pop();
    }
  }

  #matches(error: Raised, wanted: Expression, frame: Frame): boolean {
    const value = evaluate(wanted, frame, this);
    const types = value instanceof PyTuple ? value.items : [value];
    return types.some((type) => {
      if (!(type instanceof PyType && type.isException))
        throw new Raised(
          'TypeError',
          `catching ${str(type, this.budget)}, which is no exception, is not allowed`,
        );
      return isKindOf(error.type, type.name);
    });
  }
}
