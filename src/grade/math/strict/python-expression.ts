/**
 * Parses expressions like sympy's parser with implicit multiplication: `2x`, `3sqrt(5)`, `x^2`, `5!`. Unknown
 * names are split into letters; `i` and `e` are letters too.
 * @see https://docs.sympy.org/latest/modules/parsing.html
 * @module
 */
import { contains, type Node, numberNode, PI, product } from '../ast.ts';
import { decimalValue } from '../numeral.ts';
import { MAX_DEPTH, WorkBudgetExceeded } from '../work-budget.ts';

/**
 * SymPy functions that an answer may call. DeepScaleR's grader does not evaluate a text with more than two
 * different letters besides `sqrt` and `frac`, so no other function of SymPy is ever called.
 */
const FUNCTIONS: ReadonlySet<string> = new Set(['sqrt', 'ln', 'csc']);
const KEYWORDS: ReadonlySet<string> = new Set(['is', 'if', 'in', 'or', 'as', 'not', 'and']);
const MAX_LENGTH = 2000;

/** Parses an expression; undefined for a text that sympy cannot parse. */
export function parsePython(text: string): Node | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const reader = new Reader(text);
  const node = reader.sum();
  return node && reader.atEnd ? node : undefined;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  #next(): string {
    return this.#text[this.#at] ?? '';
  }

  sum(): Node | undefined {
    if (++this.#depth > MAX_DEPTH) throw new WorkBudgetExceeded('the answer is nested too deep');
    const terms: Node[] = [];
    for (let sign = '+'; ; ) {
      const term = this.#term();
      if (!term) return undefined;
      terms.push(sign === '-' ? { kind: 'negative', of: term } : term);
      sign = this.#next();
      if (sign !== '+' && sign !== '-') break;
      this.#at++;
    }
    this.#depth--;
    return terms.length === 1 ? terms[0] : { kind: 'sum', terms };
  }

  #term(): Node | undefined {
    let left = this.#signed();
    while (left) {
      const sign = this.#next();
      if (sign === '*' || sign === '/') {
        this.#at++;
        const right = this.#signed();
        if (!right) return undefined;
        left = sign === '*' ? product([left, right]) : { kind: 'quotient', over: left, under: right };
      } else if (/[\p{L}\d.(]/u.test(sign)) {
        const right = this.#power();
        if (!right) return undefined;
        left = product([left, right]);
      } else return left;
    }
    return undefined;
  }

  #signed(): Node | undefined {
    const sign = this.#next();
    if (sign !== '-' && sign !== '+') return this.#power();
    this.#at++;
    if (++this.#depth > MAX_DEPTH) throw new WorkBudgetExceeded('the answer is nested too deep');
    const of = this.#signed();
    this.#depth--;
    return of && sign === '-' ? { kind: 'negative', of } : of;
  }

  #power(): Node | undefined {
    let base = this.#atom();
    while (base && this.#next() === '!') {
      this.#at++;
      base = { kind: 'call', name: 'factorial', args: [base] };
    }
    if (!base || this.#next() !== '^') return base;
    this.#at++;
    const exponent = this.#signed();
    if (!exponent) return undefined;
    // in sympy a float exponent differs from an integer one: `x^2.` does not equal `x^2`
    if (exponent.kind === 'number' && exponent.decimals !== undefined && contains(base, isSymbol))
      return { kind: 'call', name: 'float power', args: [base, exponent] };
    return { kind: 'power', base, exponent };
  }

  #atom(): Node | undefined {
    if (this.#next() === '(') {
      this.#at++;
      const inner = this.sum();
      if (!inner || this.#next() !== ')') return undefined;
      this.#at++;
      return inner;
    }
    const rest = this.#text.slice(this.#at);
    const [number] = /^(?:(?:0|[1-9][\d_]*)(?:\.\d*)?|0+(?=\D|$)|\.\d+)(?:e[+-]?\d+)?/.exec(rest) ?? [];
    if (number !== undefined) {
      this.#at += number.length;
      return numeral(number);
    }
    const [name] = /^[\p{L}_][\p{L}\d_]*/u.exec(rest) ?? [];
    if (name === undefined || KEYWORDS.has(name)) return undefined;
    this.#at += name.length;
    return this.#named(name);
  }

  #named(name: string): Node | undefined {
    if (FUNCTIONS.has(name) && this.#next() === '(') {
      const of = this.#atom();
      if (!of) return undefined;
      if (name === 'sqrt') return { kind: 'root', of, index: numberNode(2) };
      return name === 'ln'
        ? { kind: 'call', name: 'log', args: [of, E] }
        : { kind: 'call', name, args: [of] };
    }
    if (name === 'pi') return PI;
    if (name.includes('_') || [...name].length === 1) return { kind: 'symbol', name };
    const parts = name.match(/\d+|\p{L}/gu) ?? [];
    return product(
      parts.map(
        (part): Node => (/^\d/.test(part) ? numberNode(BigInt(part)) : { kind: 'symbol', name: part }),
      ),
    );
  }
}

function isSymbol({ kind }: Node): boolean {
  return kind === 'symbol';
}

const E: Node = { kind: 'constant', name: 'e' };

function numeral(text: string): Node {
  const [digits = '', exponent] = text.replaceAll('_', '').split('e');
  const point = digits.indexOf('.');
  const exact: Node = { kind: 'number', value: decimalValue(digits) };
  const value: Node = point < 0 ? exact : { ...exact, decimals: digits.length - point - 1 };
  if (exponent === undefined) return value;
  const power: Node = {
    kind: 'power',
    base: numberNode(10),
    exponent: numberNode(BigInt(exponent.replace('+', ''))),
  };
  return product([value, power]);
}
