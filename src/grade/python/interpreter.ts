/**
 * Executes Python programs statement by statement. Each interpreter has its own variables and its own budget.
 * @module
 */
import type { Expression, FunctionNode, Handler, Program, Statement } from './ast.ts';
import { Budget, type Limits } from './budget.ts';
import { builtins } from './builtins.ts';
import { elements } from './collections.ts';
import { LimitExceeded, PythonError } from './errors.ts';
import { assign, evaluate, remove, sliceOf } from './evaluate.ts';
import { isKindOf } from './exceptions.ts';
import { callValue, defineFunction } from './functions.ts';
import type { Machine } from './machine.ts';
import { importMember, importModule } from './modules.ts';
import { binary } from './operators.ts';
import { str } from './repr.ts';
import type { Runtime } from './runtime.ts';
import { readItem, readSlice, writeItem, writeSlice } from './subscript.ts';
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

/** The reason why a block ended early; undefined if it ran to its end. `value` is the value of a `return`. */
type BlockExit = 'break' | 'continue' | { readonly value: Value } | undefined;

/** An interpreter for the supported part of Python, without access to files, network, clock or host objects. */
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
  /** Whether the program has printed any text other than whitespace. */
  hasPrinted = false;
  /**
   * The exceptions that are being handled, innermost last. A `raise` without an exception raises the last one
   * again.
   */
  readonly #handling: PythonError[] = [];

  /**
   * @param limits - limits of steps, memory and nested calls, for all programs of this interpreter together
   */
  constructor(limits?: Limits) {
    this.budget = new Budget(limits);
    this.runtime = {
      budget: this.budget,
      call: (callee, args) => this.call(callee, { args, named: new Map() }),
      print: (text) => {
        this.budget.allocate(text.length / 4);
        if (text.trim() !== '') this.hasPrinted = true;
      },
    };
    this.builtins = builtins(this.runtime);
  }

  /** Runs a program in the scope of the module. @throws PythonError, UnsupportedFeature, LimitExceeded */
  run(program: Program): void {
    this.guarded(() => this.#block(program.body, this.globals));
  }

  /** Returns the value of a variable of the module. @throws PythonError NameError if it is not defined */
  global(name: string): Value {
    const value = this.globals.variables.get(name);
    if (value === undefined) throw new PythonError('NameError', `name '${name}' is not defined`);
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
    const exit = this.#block(body, frame);
    return typeof exit === 'object' ? exit.value : null;
  }

  /** Runs `work`. A stack overflow of the host counts as an exceeded limit. @throws LimitExceeded */
  guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof RangeError) throw new LimitExceeded('more nested calls than fit on the stack');
      throw error;
    }
  }

  #block(body: readonly Statement[], frame: Frame): BlockExit {
    for (const statement of body) {
      const exit = this.#statement(statement, frame);
      if (exit !== undefined) return exit;
    }
    return undefined;
  }

  #statement(statement: Statement, frame: Frame): BlockExit {
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
        throw new PythonError(
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

  #while(statement: Extract<Statement, { type: 'if' | 'while' }>, frame: Frame): BlockExit {
    while (isTruthy(evaluate(statement.test, frame, this))) {
      const exit = this.#block(statement.body, frame);
      if (exit === 'break') return undefined;
      if (typeof exit === 'object') return exit;
    }
    return this.#block(statement.otherwise, frame);
  }

  #for(statement: Extract<Statement, { type: 'for' }>, frame: Frame): BlockExit {
    for (const item of elements(evaluate(statement.source, frame, this), this.budget)) {
      assign(statement.target, item, frame, this);
      const exit = this.#block(statement.body, frame);
      if (exit === 'break') return undefined;
      if (typeof exit === 'object') return exit;
    }
    return this.#block(statement.otherwise, frame);
  }

  /** Executes `target op= value`. Lists, sets and dictionaries change in place. */
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
        this.budget.allocate(1);
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

  #raised(expression: Expression | undefined, frame: Frame): PythonError {
    if (expression === undefined)
      return this.#handling.at(-1) ?? new PythonError('RuntimeError', 'No active exception to reraise');
    const value = evaluate(expression, frame, this);
    const made =
      value instanceof PyType && value.isException ? this.call(value, { args: [], named: new Map() }) : value;
    if (made instanceof PyException) return new PythonError(made.type, ...made.args);
    return new PythonError('TypeError', `exceptions must derive from BaseException, got ${typeName(made)}`);
  }

  #try(statement: Extract<Statement, { type: 'try' }>, frame: Frame): BlockExit {
    let exit: BlockExit;
    try {
      exit = this.#attempt(statement, frame);
    } catch (error) {
      if (error instanceof PythonError) {
        const last = this.#block(statement.last, frame);
        // `break`, `continue` or `return` in a `finally` block discards the exception
        if (last !== undefined) return last;
      }
      throw error;
    }
    return this.#block(statement.last, frame) ?? exit;
  }

  #attempt({ body, handlers, otherwise }: Extract<Statement, { type: 'try' }>, frame: Frame): BlockExit {
    try {
      const exit = this.#block(body, frame);
      if (exit !== undefined) return exit;
    } catch (error) {
      if (!(error instanceof PythonError)) throw error;
      const handler = handlers.find(
        ({ matches }) => matches === undefined || this.#matches(error, matches, frame),
      );
      if (handler === undefined) throw error;
      return this.#handle(handler, error, frame);
    }
    return this.#block(otherwise, frame);
  }

  #handle({ name, body }: Handler, error: PythonError, frame: Frame): BlockExit {
    if (name !== undefined)
      assign({ type: 'name', name }, new PyException(error.type, error.args), frame, this);
    this.#handling.push(error);
    try {
      return this.#block(body, frame);
    } finally {
      this.#handling.pop();
    }
  }

  #matches(error: PythonError, wanted: Expression, frame: Frame): boolean {
    const value = evaluate(wanted, frame, this);
    const types = value instanceof PyTuple ? value.items : [value];
    return types.some((type) => {
      if (!(type instanceof PyType && type.isException))
        throw new PythonError(
          'TypeError',
          `catching ${str(type, this.budget)}, which is no exception, is not allowed`,
        );
      return isKindOf(error.type, type.name);
    });
  }
}
