/**
 * Parses Python statements; {@link ExpressionParser} parses expressions.
 * @module
 */
import type { Expression, FunctionNode, Handler, Program, Statement } from './ast.ts';
import { LimitExceeded, UnsupportedFeature } from './errors.ts';
import { ExpressionParser } from './expression-parser.ts';
import { localNames } from './scope.ts';

/** Keywords of statements and expressions that the interpreter does not support. */
const REFUSED = new Set(['class', 'with', 'async', 'await', 'yield']);

const UPDATES = /^(\*\*|\/\/|>>|<<|[-+*/%&|^])=$/;

/**
 * Parses a program without running it.
 *
 * @param source - at most 200,000 characters
 * @throws PythonSyntaxError for a text that is not Python
 * @throws UnsupportedFeature for Python that the interpreter does not support
 * @throws LimitExceeded for a program that is nested too deeply
 *
 * @example
 * parseProgram('x = 1\ny = 2').body.length; // => 2
 */
export function parseProgram(source: string): Program {
  return guarded(() => new Parser(source).program());
}

/** Parses a single expression, as Python's `ast.literal_eval` does. @throws PythonSyntaxError, UnsupportedFeature */
export function parseSingleExpression(source: string): Expression {
  return guarded(() => new Parser(source.replace(/^[ \t]+/, '')).single());
}

/** Runs a parser and reports a stack overflow as an exceeded limit. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new LimitExceeded('a program nested too deeply');
    throw error;
  }
}

class Parser extends ExpressionParser {
  #isInLoop = false;
  #isInFunction = false;

  program(): Program {
    const body: Statement[] = [];
    while (!this.atType('end')) body.push(...this.#statement());
    return { body, uses: this.uses };
  }

  single(): Expression {
    while (this.takeType('newline'));
    const value = this.expressionList();
    while (this.takeType('newline'));
    if (!this.atType('end')) throw this.error('the end');
    return value;
  }

  #statement(): Statement[] {
    const word = this.atType('name') ? this.peek().text : '';
    if (REFUSED.has(word)) throw new UnsupportedFeature(`"${word}"`);
    if (this.at('@')) throw new UnsupportedFeature('decorators');
    switch (word) {
      case 'if':
        return [this.#if()];
      case 'while':
        return [this.#while()];
      case 'for':
        return [this.#for()];
      case 'try':
        return [this.#try()];
      case 'def':
        return [this.#function()];
      default:
        return this.#simpleLine();
    }
  }

  /** Parses one line of simple statements separated by semicolons. */
  #simpleLine(): Statement[] {
    const statements: Statement[] = [];
    do statements.push(...this.#simple());
    while (this.take(';') && !this.atType('newline'));
    if (!this.takeType('newline')) throw this.error('the end of the line');
    return statements;
  }

  /**
   * Parses a block in which `break` and `continue` are allowed if `isInLoop`, and `return` if `isInFunction`.
   */
  #within(isInLoop: boolean, isInFunction: boolean): Statement[] {
    const before = [this.#isInLoop, this.#isInFunction] as const;
    [this.#isInLoop, this.#isInFunction] = [isInLoop, isInFunction];
    const body = this.#block();
    [this.#isInLoop, this.#isInFunction] = before;
    return body;
  }

  #block(): Statement[] {
    this.expect(':');
    if (!this.takeType('newline')) return this.#simpleLine();
    if (!this.takeType('indent')) throw this.error('an indented block');
    return this.nested(() => {
      const body: Statement[] = [];
      while (!this.takeType('dedent')) body.push(...this.#statement());
      return body;
    });
  }

  #if(): Statement {
    this.next(); // if or elif
    const test = this.namedExpression();
    const body = this.#block();
    const otherwise = this.atWord('elif') ? [this.nested(() => this.#if())] : this.#else();
    return { type: 'if', test, body, otherwise };
  }

  #else(): Statement[] {
    return this.takeWord('else') ? this.#block() : [];
  }

  #while(): Statement {
    this.next();
    const test = this.namedExpression();
    const body = this.#within(true, this.#isInFunction);
    return { type: 'while', test, body, otherwise: this.#else() };
  }

  #for(): Statement {
    this.next();
    const target = this.targetList();
    this.expectWord('in');
    const source = this.expressionList();
    const body = this.#within(true, this.#isInFunction);
    return { type: 'for', target, source, body, otherwise: this.#else() };
  }

  #try(): Statement {
    this.next();
    const body = this.#block();
    const handlers: Handler[] = [];
    while (this.takeWord('except')) {
      const matches = this.at(':') ? undefined : this.expression();
      const name = this.takeWord('as') ? this.assignedName() : undefined;
      handlers.push({ matches, name, body: this.#block() });
    }
    const otherwise = handlers.length > 0 ? this.#else() : [];
    const last = this.takeWord('finally') ? this.#block() : [];
    if (handlers.length === 0 && last.length === 0) throw this.error('"except" or "finally"');
    return { type: 'try', body, handlers, otherwise, last };
  }

  #function(): Statement {
    this.next();
    const name = this.assignedName();
    this.expect('(');
    const parameters = this.parameters(')', { annotated: true });
    this.expect(')');
    // the annotation is parsed and discarded, because it has no effect at run time
    if (this.take('->')) this.expression();
    const body = this.#within(false, true);
    const names = parameters.map((parameter) => parameter.name);
    const node: FunctionNode = { name, parameters, body, locals: localNames(names, body) };
    return { type: 'function', node };
  }

  #simple(): Statement[] {
    if (this.takeWord('pass')) return [{ type: 'pass' }];
    for (const type of ['break', 'continue'] as const)
      if (this.takeWord(type)) {
        if (!this.#isInLoop) throw this.error(`a loop around "${type}" before it`);
        return [{ type }];
      }
    if (this.atWord('return') && !this.#isInFunction) throw this.error('a function around it');
    if (this.takeWord('return'))
      return [{ type: 'return', value: this.#atLineEnd() ? undefined : this.expressionList() }];
    if (this.takeWord('import')) return this.#import();
    if (this.takeWord('from')) return this.#importFrom();
    if (this.takeWord('raise')) return [this.#raise()];
    if (this.takeWord('assert')) {
      const test = this.expression();
      return [{ type: 'assert', test, message: this.take(',') ? this.expression() : undefined }];
    }
    if (this.takeWord('del')) {
      const target = this.targetList();
      return [{ type: 'delete', targets: target.type === 'tuple' ? target.items : [target] }];
    }
    for (const type of ['global', 'nonlocal'] as const)
      if (this.takeWord(type)) {
        const names = [this.assignedName()];
        while (this.take(',')) names.push(this.assignedName());
        return [{ type, names }];
      }
    return [this.#assignment()];
  }

  #raise(): Statement {
    const value = this.#atLineEnd() ? undefined : this.expression();
    if (this.takeWord('from')) this.expression();
    return { type: 'raise', value };
  }

  #assignment(): Statement {
    const first = this.expressionList();
    if (this.take(':')) {
      this.expression(); // the annotation
      if (!this.take('=')) return { type: 'pass' };
      return { type: 'assign', targets: [this.asTarget(first)], value: this.expressionList() };
    }
    const update = UPDATES.exec(this.atType('operator') ? this.peek().text : '');
    if (update) {
      this.next();
      const target = this.asTarget(first);
      if (target.type === 'tuple' || target.type === 'list') throw this.error('one target before it');
      return { type: 'update', operator: update[1] as string, target, value: this.expressionList() };
    }
    if (!this.at('=')) return { type: 'expression', value: first };
    const targets: Expression[] = [];
    let value = first;
    while (this.take('=')) {
      targets.push(this.asTarget(value));
      value = this.expressionList();
    }
    return { type: 'assign', targets, value };
  }

  #import(): Statement[] {
    const statements: Statement[] = [];
    do {
      const module = this.#dottedName();
      this.usesImport(module);
      if (module.includes('.') && !this.atWord('as')) throw new UnsupportedFeature(`import ${module}`);
      const name = this.takeWord('as') ? this.assignedName() : this.assigns(module);
      statements.push({ type: 'import', module, member: undefined, name });
    } while (this.take(','));
    return statements;
  }

  #importFrom(): Statement[] {
    const module = this.#dottedName();
    this.expectWord('import');
    if (this.at('*')) throw new UnsupportedFeature(`from ${module} import *`);
    const isBracketed = this.take('(');
    const statements: Statement[] = [];
    do {
      if (isBracketed && this.at(')')) break;
      const member = this.name();
      this.usesImport(`${module}.${member}`);
      const name = this.takeWord('as') ? this.assignedName() : this.assigns(member);
      statements.push({ type: 'import', module, member, name });
    } while (this.take(','));
    if (isBracketed) this.expect(')');
    return statements;
  }

  #dottedName(): string {
    let name = this.name();
    while (this.take('.')) name += `.${this.name()}`;
    return name;
  }

  #atLineEnd(): boolean {
    return this.atType('newline') || this.at(';');
  }
}
