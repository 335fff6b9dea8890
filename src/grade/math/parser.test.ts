import { describe, expect, it } from 'vitest';
import { formatRational } from '../rational.ts';
import type { Node } from './ast.ts';
import { parse } from './parser.ts';
import { WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

const tree = (text: string): string | undefined => {
  const parsed = parse(text, 'thousands', new WorkBudget());
  return parsed && shown(parsed.node);
};

/** Writes a syntax tree in prefix notation. */
function shown(node: Node): string {
  const call = (name: string, ...nodes: readonly (Node | undefined)[]) =>
    `(${[name, ...nodes.map((one) => (one ? shown(one) : '_'))].join(' ')})`;
  switch (node.kind) {
    case 'number':
      return formatRational(node.value);
    case 'constant':
    case 'symbol':
    case 'set-name':
      return node.name;
    case 'sum':
      return call('+', ...node.terms);
    case 'product':
      return call('*', ...node.factors);
    case 'quotient':
      return call('/', node.over, node.under);
    case 'negative':
      return call('-', node.of);
    case 'power':
      return call('^', node.base, node.exponent);
    case 'root':
      return call('root', node.of, node.index);
    case 'call':
      return call(node.name, ...node.args);
    case 'either-sign':
      return call(node.sign === 1 ? 'pm' : 'mp', node.of);
    case 'series':
      return call(`${node.operation} ${node.variable}`, node.from, node.to, node.body);
    case 'quantity':
      return call(`unit "${node.unit.trim()}"`, node.value);
    case 'numeral':
      return `${node.digits}_${node.base}`;
    case 'text':
      return `"${node.text}"`;
    case 'list':
      return call(`list ${node.joint}`, ...node.items);
    case 'bracket':
      return call(`${node.open}${node.close}`, ...node.items);
    case 'set':
      return call('set', ...node.items);
    case 'builder':
      return call('all', node.element, node.condition);
    case 'set-operation':
      return call(node.operation, node.left, node.right);
    case 'relation':
      return call(node.signs.join(' '), ...node.operands);
    case 'ratio':
      return call(':', ...node.parts);
    case 'residue':
      return call('mod', node.of, node.modulus);
    case 'matrix':
      return `[${node.rows.map((row) => row.map(shown).join(' ')).join('; ')}]`;
  }
}

describe('expressions', () => {
  it('have the usual precedence and implicit products', () => {
    expect(tree('2x+3y^2')).toBe('(+ (* 2 x) (* 3 (^ y 2)))');
    expect(tree('1/2x')).toBe('(* (/ 1 2) x)');
    expect(tree('-x^2')).toBe('(- (^ x 2))');
    expect(tree('2^3^2')).toBe('(^ 2 (^ 3 2))');
    expect(tree('a - -b + c')).toBe('(+ a (- (- b)) c)');
    expect(tree('2 \\cdot -3')).toBe('(* 2 (- 3))');
    expect(tree('70 2^{1/2}')).toBe('(* 70 (^ 2 (/ 1 2)))');
  });

  it('have LaTeX arguments with or without braces', () => {
    expect(tree('\\frac12')).toBe('(/ 1 2)');
    expect(tree('\\frac1{72}')).toBe('(/ 1 72)');
    expect(tree('\\frac{270}7')).toBe('(/ 270 7)');
    expect(tree('\\frac ab')).toBe('(/ a b)');
    expect(tree('\\sqrt[3]5')).toBe('(root 5 3)');
    expect(tree('\\sqrt 13')).toBe('(root 13 2)');
  });

  it('distinguish mixed numbers from products', () => {
    expect(tree('1\\frac{4}{5}')).toBe('(+ 1 (/ 4 5))');
    expect(tree('-1 1/2')).toBe('(- (+ 1 (/ 1 2)))');
    expect(tree('2\\frac{3}{2}')).toBe('(* 2 (/ 3 2))');
    expect(tree('x\\frac{1}{2}')).toBe('(* x (/ 1 2))');
    expect(tree('3\\frac12')).toBe('(+ 3 (/ 1 2))');
  });

  it('have functions with and without brackets', () => {
    expect(tree('2\\sin b\\cos a')).toBe('(* 2 (sin b) (cos a))');
    expect(tree('\\sin^2 2x')).toBe('(^ (sin (* 2 x)) 2)');
    expect(tree('\\sin^{-1} x')).toBe('(arcsin x)');
    expect(tree('\\log_2 8')).toBe('(log 8 2)');
    expect(tree('\\ln(x)+1')).toBe('(+ (log x e) 1)');
    expect(tree('\\sin\\pi/3')).toBe('(sin (/ pi 3))');
    expect(tree('sqrt(2)')).toBe('(root 2 2)');
    expect(tree("f'(x)")).toBe("(f' x)");
    expect(tree('x(x+1)')).toBe('(* x (+ x 1))');
    expect(tree('|x-|y||')).toBe('(abs (+ x (- (abs y))))');
    expect(tree('\\operatorname{lcm}(4,6)')).toBe('(lcm 4 6)');
  });

  it('have series with bounds, in which i is a variable', () => {
    expect(tree('\\sum_{i=1}^{3} i^2')).toBe('(sum i 1 3 (^ i 2))');
    expect(tree('i^2')).toBe('(^ i 2)');
    expect(tree('\\int_0^1 x^2 + 1\\,dx')).toBe('(integral x 0 1 (+ (^ x 2) 1))');
    expect(tree('\\lim_{x \\to 0} x')).toBe('(limit x 0 _ x)');
  });

  it('have numerals in other bases', () => {
    expect(tree('52_8')).toBe('52_8');
    expect(tree('(1001)_{2}')).toBe('1001_2');
    expect(tree('3B_{12}')).toBe('3B_12');
    expect(tree('\\text{A5}_{11}')).toBe('A5_11');
    expect(tree('x_8')).toBe('x_8');
    expect(tree('5_1')).toBeUndefined();
  });

  it('have units, percent signs and currencies', () => {
    expect(tree('15\\mbox{ cm}^2')).toBe('(unit "cm^2" 15)');
    expect(tree('-5 square inches')).toBe('(unit "square inches" (- 5))');
    expect(tree('33\\frac13\\%')).toBe('(unit "percent" (+ 33 (/ 1 3)))');
    expect(tree('\\cos 60^\\circ')).toBe('(cos (unit "degree" 60))');
    expect(tree('\\$-5')).toBe('(unit "dollar" (- 5))');
    expect(tree('2\\text{ million}')).toBe('(* 2 1000000)');
  });
});

describe('compound answers', () => {
  it('are lists between commas and words', () => {
    expect(tree('19, 46, \\text{ and } 82')).toBe('(list and 19 46 82)');
    expect(tree('x=1 \\quad x=2')).toBe('(list , (= x 1) (= x 2))');
    expect(tree('1,234, 5')).toBe('(list , 1234 5)');
  });

  it('are tuples, intervals and sets', () => {
    expect(tree('(3, \\infty]')).toBe('(([ 3 infinity)');
    expect(tree('[1,2) \\cup (3,4)')).toBe('(union ([( 1 2) ((( 3 4))');
    expect(tree('\\{1\\pm\\sqrt5,-2\\}')).toBe('(set (+ 1 (pm (root 5 2))) (- 2))');
    expect(tree('{1,2}')).toBe('(list , 1 2)');
    expect(tree('\\{x \\mid |x|<3\\}')).toBe('(all x (< (abs x) 3))');
    expect(tree('\\{x : x>2\\}')).toBe('(all x (> x 2))');
    expect(tree('(0,1) U (2,3)')).toBe('(union ((( 0 1) ((( 2 3))');
  });

  it('are relations, chains, ratios and residues', () => {
    expect(tree('-1 \\le x < 2')).toBe('(<= < (- 1) x 2)');
    expect(tree('x \\not= 3')).toBe('(!= x 3)');
    expect(tree('a:b=7:32')).toBe('(= (: a b) (: 7 32))');
    expect(tree('x \\equiv 3 \\pmod{5}')).toBe('(equiv x (mod 3 5))');
    expect(tree('= 5')).toBe('5');
    expect(tree('x = 1/3 \\approx 0.3')).toBe('(= ≈ x (/ 1 3) 3/10)');
  });

  it('are matrices and determinants', () => {
    expect(tree('\\begin{pmatrix} 1/5 \\\\ -2 \\end{pmatrix}')).toBe('[(/ 1 5); (- 2)]');
    expect(tree('\\begin{vmatrix} a & b \\\\ c & d \\end{vmatrix}')).toBe('(+ (* a d) (- (* b c)))');
    expect(tree('\\begin{cases} x=1 \\\\ y=2 \\end{cases}')).toBe('(list and (= x 1) (= y 2))');
  });

  it('are words in text commands, unless these contain mathematics', () => {
    expect(tree('\\text{(C)}')).toBe('"(C)"');
    expect(tree('\\text{-3}')).toBe('(- 3)');
    expect(tree('\\text{A}')).toBe('"A"');
    expect(tree('\\mathrm{e}^2')).toBe('(^ e 2)');
  });
});

describe('other texts', () => {
  it('do not parse', () => {
    for (const text of ['', ',', '(1', '1)', '\\frac{1}', '\\begin{pmatrix} 1', '[1,2', '^2', '\\{1'])
      expect(tree(text)).toBeUndefined();
  });

  it('have a count of unknown words', () => {
    const parsed = parse('the number is ten', 'thousands', new WorkBudget());
    expect(parsed?.unknownWords).toBeGreaterThan(1);
    expect(parse('abc', 'thousands', new WorkBudget())?.unknownWords).toBe(1);
    expect(parse('2\\sin x+ABC', 'thousands', new WorkBudget())?.unknownWords).toBe(0);
  });

  it('are rejected when they are nested too deeply', () => {
    for (const open of ['(', '{', '\\sqrt{', '2^', '-', '|', '\\sin ', 'f('])
      expect(() => tree(open.repeat(400))).toThrow(WorkBudgetExceeded);
  });
});
