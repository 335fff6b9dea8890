/**
 * Parses Python expressions by precedence climbing, and records all names, attributes and imports.
 * @module
 */
import type { Argument, Clause, Expression, FunctionNode, Parameter, Uses } from './ast.ts';
import { UnsupportedFeature } from './errors.ts';
import { localNames, targetNames } from './scope.ts';
import { textOf } from './string-literal.ts';
import { TokenReader } from './token-reader.ts';

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);

/**
 * Binary operators in order of increasing precedence. `**` and unary operators have higher precedence than
 * all of them.
 */
const LEVELS: readonly (readonly string[])[] = [
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '//', '%'],
];
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];

export class ExpressionParser extends TokenReader {
  readonly uses = {
    names: new Set<string>(),
    assigned: new Set<string>(),
    attributes: new Set<string>(),
    imports: new Set<string>(),
  } satisfies Uses;

  /** Parses one or more expressions. If there is a comma, the result is a tuple. */
  expressionList(): Expression {
    const first = this.#starredOr(() => this.namedExpression());
    if (!this.at(',')) return first;
    const items = [first];
    while (this.take(',')) {
      if (this.#atListEnd()) break;
      items.push(this.#starredOr(() => this.namedExpression()));
    }
    return { type: 'tuple', items };
  }

  /** Parses an expression, or `name := expression`. */
  namedExpression(): Expression {
    const mark = this.mark();
    if (this.atType('name') && !KEYWORDS.has(this.peek().text)) {
      const name = this.next().text;
      if (this.take(':=')) return { type: 'walrus', name: this.assigns(name), value: this.expression() };
      this.rewind(mark);
    }
    return this.expression();
  }

  expression(): Expression {
    return this.nested(() => {
      if (this.atWord('lambda')) return this.#lambda();
      const value = this.#or();
      if (!this.takeWord('if')) return value;
      const test = this.#or();
      this.expectWord('else');
      return { type: 'if', test, yes: value, otherwise: this.expression() };
    });
  }

  /** Parses the target of `for` or `del`. */
  targetList(): Expression {
    const items = [this.#starredOr(() => this.#level(0))];
    let isTuple = false;
    while (this.take(',')) {
      isTuple = true;
      if (this.atWord('in') || this.atType('newline')) break;
      items.push(this.#starredOr(() => this.#level(0)));
    }
    return this.asTarget(isTuple ? { type: 'tuple', items } : (items[0] as Expression));
  }

  /**
   * Checks that an expression is a valid target of an assignment, and records the assigned names. @throws
   * PythonSyntaxError if it is not valid
   */
  asTarget(value: Expression): Expression {
    if (value.type === 'name') this.assigns(value.name);
    else if (value.type === 'tuple' || value.type === 'list')
      for (const item of value.items) this.asTarget(item);
    else if (value.type === 'starred') this.asTarget(value.value);
    else if (value.type !== 'subscript') throw this.error('something to assign to before it');
    return value;
  }

  name(): string {
    if (!this.atType('name') || KEYWORDS.has(this.peek().text)) throw this.error('a name');
    return this.next().text;
  }

  assignedName(): string {
    return this.assigns(this.name());
  }

  assigns(name: string): string {
    this.uses.assigned.add(name);
    return name;
  }

  usesImport(name: string): void {
    this.uses.imports.add(name);
  }

  /** Parses parameters up to the token `end`, which is not taken. */
  parameters(end: string, { annotated }: { readonly annotated: boolean }): Parameter[] {
    const parameters: Parameter[] = [];
    let isKeyword = false;
    while (!this.at(end)) {
      if (this.take('/')) {
        // the parameters before it are positional-only, which is not enforced
      } else if (this.take('*')) {
        if (!this.at(',')) parameters.push(this.#parameter('star', annotated));
        isKeyword = true;
      } else if (this.take('**')) parameters.push(this.#parameter('double-star', annotated));
      else parameters.push(this.#parameter(isKeyword ? 'keyword' : 'plain', annotated));
      if (!this.take(',')) break;
    }
    return parameters;
  }

  #parameter(kind: Parameter['kind'], annotated: boolean): Parameter {
    const name = this.assignedName();
    if (annotated && this.take(':')) this.expression();
    return { name, kind, fallback: this.take('=') ? this.expression() : undefined };
  }

  #lambda(): Expression {
    this.next();
    const parameters = this.parameters(':', { annotated: false });
    this.expect(':');
    const body = [{ type: 'return', value: this.expression() }] as const;
    const names = parameters.map(({ name }) => name);
    const node: FunctionNode = { name: '<lambda>', parameters, body, locals: localNames(names, body) };
    return { type: 'lambda', node };
  }

  #or(): Expression {
    return this.#joined('or', () => this.#joined('and', () => this.#not()));
  }

  #joined(type: 'and' | 'or', read: () => Expression): Expression {
    const first = read();
    if (!this.atWord(type)) return first;
    const values = [first];
    while (this.takeWord(type)) values.push(read());
    return { type, values };
  }

  #not(): Expression {
    if (this.takeWord('not'))
      return { type: 'unary', operator: 'not', value: this.nested(() => this.#not()) };
    const first = this.#level(0);
    const rest: [string, Expression][] = [];
    for (let operator = this.#comparison(); operator !== undefined; operator = this.#comparison())
      rest.push([operator, this.#level(0)]);
    return rest.length === 0 ? first : { type: 'compare', first, rest };
  }

  #comparison(): string | undefined {
    const operator = COMPARISONS.find((one) => this.at(one));
    if (operator !== undefined) {
      this.next();
      return operator;
    }
    if (this.takeWord('in')) return 'in';
    if (this.takeWord('is')) return this.takeWord('not') ? 'is not' : 'is';
    if (!this.atWord('not')) return undefined;
    this.next();
    this.expectWord('in');
    return 'not in';
  }

  #level(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#level(level + 1);
    while (this.atType('operator') && operators.includes(this.peek().text)) {
      const operator = this.next().text;
      left = { type: 'binary', operator, left, right: this.#level(level + 1) };
    }
    return left;
  }

  #unary(): Expression {
    for (const operator of ['-', '+', '~'])
      if (this.take(operator)) return { type: 'unary', operator, value: this.nested(() => this.#unary()) };
    const left = this.#postfix();
    if (!this.take('**')) return left;
    return { type: 'binary', operator: '**', left, right: this.nested(() => this.#unary()) };
  }

  #postfix(): Expression {
    let value = this.#atom();
    for (;;) {
      if (this.take('.')) {
        const name = this.name();
        this.uses.attributes.add(name);
        value = { type: 'attribute', value, name };
      } else if (this.take('(')) value = { type: 'call', callee: value, args: this.#args() };
      else if (this.take('[')) {
        value = { type: 'subscript', value, index: this.#index() };
        this.expect(']');
      } else return value;
    }
  }

  #args(): Argument[] {
    const args: Argument[] = [];
    while (!this.take(')')) {
      args.push(this.#arg());
      if (this.take(',')) continue;
      this.expect(')');
      break;
    }
    return args;
  }

  #arg(): Argument {
    if (this.take('*')) return { value: this.expression(), kind: 'star', name: undefined };
    if (this.take('**')) return { value: this.expression(), kind: 'double-star', name: undefined };
    const mark = this.mark();
    if (this.atType('name') && !KEYWORDS.has(this.peek().text)) {
      const name = this.next().text;
      if (this.take('=')) return { value: this.expression(), kind: 'plain', name };
      this.rewind(mark);
    }
    const value = this.namedExpression();
    return { value: this.#comprehension('generator', value) ?? value, kind: 'plain', name: undefined };
  }

  #index(): Expression {
    const first = this.#sliceOrExpression();
    if (!this.at(',')) return first;
    const items = [first];
    while (this.take(',') && !this.at(']')) items.push(this.#sliceOrExpression());
    return { type: 'tuple', items };
  }

  #sliceOrExpression(): Expression {
    const part = (): Expression | undefined =>
      this.at(':') || this.at(']') || this.at(',') ? undefined : this.namedExpression();
    const start = part();
    if (!this.take(':')) {
      if (start === undefined) throw this.error('an index');
      return start;
    }
    const stop = part();
    return { type: 'slice', start, stop, step: this.take(':') ? part() : undefined };
  }

  #atom(): Expression {
    const token = this.peek();
    if (token.type === 'string') return this.#text();
    if (token.type === 'number') return { type: 'constant', value: numberOf(this.next().text) };
    if (this.take('(')) return this.nested(() => this.#bracketed());
    if (this.take('[')) return this.nested(() => this.#listed());
    if (this.take('{')) return this.nested(() => this.#braced());
    if (this.at('...')) throw new UnsupportedFeature('"..."');
    for (const [word, value] of [
      ['True', true],
      ['False', false],
      ['None', null],
    ] as const)
      if (this.takeWord(word)) return { type: 'constant', value };
    if (this.atWord('yield') || this.atWord('await')) throw new UnsupportedFeature(`"${token.text}"`);
    const name = this.name();
    this.uses.names.add(name);
    return { type: 'name', name };
  }

  #bracketed(): Expression {
    if (this.take(')')) return { type: 'tuple', items: [] };
    const value = this.expressionList();
    const inner = this.#comprehension('generator', value) ?? value;
    this.expect(')');
    if (inner.type === 'starred') throw this.error('a tuple around "*"');
    return inner;
  }

  #listed(): Expression {
    const items: Expression[] = [];
    while (!this.take(']')) {
      items.push(this.#starredOr(() => this.namedExpression()));
      const inner = items.length === 1 ? this.#comprehension('list', items[0] as Expression) : undefined;
      if (!inner && this.take(',')) continue;
      this.expect(']');
      if (inner) return inner;
      break;
    }
    return { type: 'list', items };
  }

  #braced(): Expression {
    if (this.take('}')) return { type: 'dict', entries: [] };
    if (this.at('**')) return this.#dict([]);
    const first = this.#starredOr(() => this.namedExpression());
    if (this.take(':')) {
      const value = this.expression();
      const inner = this.#comprehension('dict', first, value);
      if (!inner) return this.#dict([[first, value]]);
      this.expect('}');
      return inner;
    }
    const inner = this.#comprehension('set', first);
    const items = [first];
    if (!inner)
      while (this.take(',') && !this.at('}')) items.push(this.#starredOr(() => this.namedExpression()));
    this.expect('}');
    return inner ?? { type: 'set', items };
  }

  #dict(entries: [Expression | undefined, Expression][]): Expression {
    if (entries.length > 0) this.take(',');
    while (!this.take('}')) {
      if (this.take('**')) entries.push([undefined, this.expression()]);
      else {
        const key = this.expression();
        this.expect(':');
        entries.push([key, this.expression()]);
      }
      if (this.take(',')) continue;
      this.expect('}');
      break;
    }
    return { type: 'dict', entries };
  }

  #comprehension(
    kind: 'list' | 'set' | 'dict' | 'generator',
    element: Expression,
    value?: Expression,
  ): Expression | undefined {
    if (this.atWord('async')) throw new UnsupportedFeature('"async"');
    const clauses: Clause[] = [];
    while (this.takeWord('for')) {
      const target = this.targetList();
      this.expectWord('in');
      const source = this.#or();
      const conditions: Expression[] = [];
      while (this.takeWord('if')) conditions.push(this.#condition());
      clauses.push({ target, source, conditions });
    }
    if (clauses.length === 0) return undefined;
    const names = new Set(clauses.flatMap(({ target }) => targetNames(target)));
    return { type: 'comprehension', kind, element, value, clauses, names };
  }

  #condition(): Expression {
    const mark = this.mark();
    const value = this.#or();
    if (!this.at(':=')) return value;
    this.rewind(mark);
    return this.namedExpression();
  }

  #text(): Expression {
    const parts = [];
    while (this.atType('string')) parts.push(this.next());
    return textOf(parts, (source) => {
      const inner = new ExpressionParser(`(${source}\n)`);
      const value = inner.nested(() => inner.expressionList());
      inner.takeType('newline');
      if (!inner.atType('end')) throw inner.error('the end of an f-string');
      for (const use of ['names', 'assigned', 'attributes', 'imports'] as const)
        for (const name of inner.uses[use]) this.uses[use].add(name);
      return value;
    });
  }

  #starredOr(read: () => Expression): Expression {
    return this.take('*') ? { type: 'starred', value: this.#level(0) } : read();
  }

  #atListEnd(): boolean {
    if (this.atType('newline') || this.atType('end')) return true;
    return [')', ']', '}', '=', ':', ';'].some((text) => this.at(text));
  }
}

function numberOf(text: string): bigint | number {
  const digits = text.replaceAll('_', '');
  if (/[jJ]$/.test(digits)) throw new UnsupportedFeature('complex numbers');
  if (/^0[xXoObB]/.test(digits)) return BigInt(digits.toLowerCase());
  return /[.eE]/.test(digits) ? Number(digits) : BigInt(digits);
}
